//! What a crash in the middle of a write, and what a bad disk, leave.

use std::{fs, sync::LazyLock};

use proptest::prelude::*;
use stores::log::Health;

use super::scene::{Running, config, crashed, folder, marked, now, segments, sent_after};
use crate::spool::{Spool, record};

const RECORDS: usize = 12;

/// A segment with these records, and where each of them ends.
struct Written {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    // On a thread without a runtime of its own.
    let left = std::thread::spawn(|| {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let source = folder();
            let running = Running::start(config(source.path()), Health::Away);
            running.away().await;
            running.put(0..RECORDS).await;
            let left = crashed(source.path());
            running.stop().await;
            left
        })
    });
    let left = left.join().expect("it does not panic");
    let [file] = segments(left.path()).try_into().expect("one segment");
    let lengths = (0..RECORDS).map(|number| record::length(&marked(number)) as usize);
    let ends = lengths.scan(record::MAGIC.len(), |end, length| {
        *end += length;
        Some(*end)
    });
    let (bytes, ends) = (fs::read(file).expect("a segment"), ends.collect::<Vec<_>>());
    assert_eq!(ends.last(), Some(&bytes.len()));
    Written { folder: left, bytes, ends }
});

/// What the next process sends of a segment that is left like this.
async fn survive(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let folder = crashed(WRITTEN.folder.path());
    let [file] = segments(folder.path()).try_into().expect("one segment");
    fs::write(&file, bytes).expect("written");
    let sent = sent_after(folder.path()).await;
    (sent, fs::read(file.with_extension("bad")).unwrap_or_default())
}

#[tokio::test]
async fn cut_anywhere_exactly_the_whole_records_before_survive() {
    for cut in 0..=WRITTEN.bytes.len() {
        let whole = WRITTEN.ends.iter().filter(|end| **end <= cut).count();
        let (sent, bad) = survive(&WRITTEN.bytes[..cut]).await;
        assert_eq!(sent, (0..whole).map(marked).collect::<Vec<_>>(), "cut at {cut}");
        assert!(bad.is_empty(), "a torn end is no damage");
    }
}

/// The disk made room for more than was written.
#[tokio::test]
async fn an_end_of_zeros_is_cut() {
    let end = WRITTEN.ends[5];
    let mut bytes = WRITTEN.bytes[..end].to_vec();
    bytes.resize(end + 5_000, 0);
    let (sent, bad) = survive(&bytes).await;
    assert_eq!((sent, bad.len()), ((0..6).map(marked).collect(), 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever stands in the file instead: the records that are whole are sent, in order, and nothing else is.
    #[test]
    fn damage_loses_what_it_hit_and_nothing_more(at in 8_usize..1_000, noise in prop::collection::vec(any::<u8>(), 1..90)) {
        let mut bytes = WRITTEN.bytes.clone();
        let at = at.min(bytes.len() - 1);
        let hit = at..(at + noise.len()).min(bytes.len());
        prop_assume!(bytes[hit.clone()] != noise[..hit.len()]);
        bytes[hit.clone()].copy_from_slice(&noise[..hit.len()]);
        let changed: Vec<usize> = hit.filter(|place| bytes[*place] != WRITTEN.bytes[*place]).collect();
        let first = record::MAGIC.len();
        let starts = std::iter::once(&first).chain(&WRITTEN.ends);
        let is_hit = |(start, end): (&usize, &usize)| changed.iter().any(|place| (*start..*end).contains(place));
        let hits: Vec<bool> = starts.zip(&WRITTEN.ends).map(is_hit).collect();
        let wanted: Vec<_> = (0..RECORDS).filter(|number| !hits[*number]).map(marked).collect();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (sent, bad) = runtime.block_on(survive(&bytes));
        prop_assert_eq!(&sent, &wanted);
        let last_alone = hits.iter().take(RECORDS - 1).all(|hit| !hit);
        // Damage that looks like a write that never ended, at the end, is taken for one.
        prop_assert!(!bad.is_empty() || last_alone || hits.iter().rev().take_while(|hit| **hit).count() == hits.iter().filter(|hit| **hit).count());
    }
}

#[tokio::test]
async fn bad_bytes_are_kept_aside_where_they_stood() {
    let mut bytes = WRITTEN.bytes.clone();
    let (start, end) = (WRITTEN.ends[3], WRITTEN.ends[4]);
    bytes[start + 40] ^= 1;
    let (sent, bad) = survive(&bytes).await;
    assert_eq!(sent, (0..RECORDS).filter(|number| *number != 4).map(marked).collect::<Vec<_>>());
    assert_eq!(bad[start..end], bytes[start..end]);
    assert!(bad[..start].iter().all(|byte| *byte == 0));

    // A whole last record that is wrong may have been acknowledged, so it is kept too.
    let mut bytes = WRITTEN.bytes.clone();
    let start = WRITTEN.ends[RECORDS - 2];
    bytes[start + 40] ^= 1;
    let (sent, bad) = survive(&bytes).await;
    assert_eq!((sent.len(), &bad[start..]), (RECORDS - 1, &bytes[start..]));
}

/// A segment of somebody else's records, though whole, is not taken: each record is bound to its place.
#[tokio::test]
async fn bytes_that_stood_elsewhere_are_no_records() {
    let mut bytes = WRITTEN.bytes.clone();
    let stale = WRITTEN.bytes[WRITTEN.ends[0]..WRITTEN.ends[1]].to_vec();
    bytes.truncate(WRITTEN.ends[2]);
    bytes.extend_from_slice(&stale);
    let (sent, bad) = survive(&bytes).await;
    assert_eq!((sent, bad.is_empty()), ((0..3).map(marked).collect(), false));
}

#[tokio::test]
async fn without_its_cursor_all_goes_again() {
    let folder = crashed(WRITTEN.folder.path());
    fs::write(folder.path().join("cursor"), vec![7; 8_192]).expect("written");
    assert_eq!(sent_after(folder.path()).await, (0..RECORDS).map(marked).collect::<Vec<_>>());
    let (spool, _drain) = Spool::open(config(folder.path()), now).expect("it opens");
    spool.close().await;
}
