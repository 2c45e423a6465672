//! A spool or a disk that is full: nothing is acknowledged that is not there, and afterwards all goes on.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use http::StatusCode;
use schemas::time::TimeMs;
use stores::log::{Class, Health};

use super::scene::{Running, config, folder, marked, put, record, sent_after};
use crate::{
    append::Taken,
    refusal::EdgeRefusal,
    spool::{Spool, SpoolConfig, writer::durably},
};

const BYTES_MAX: u64 = 256 << 10;

/// Puts records of one class until one is refused; how many were taken.
async fn fill(running: &Running, class: Class, from: usize) -> usize {
    for number in from.. {
        match put(&running.spool, class, big(number)).await {
            Ok(Taken::Spool) => {}
            Err(refusal) => {
                assert_eq!(refusal, EdgeRefusal::SpoolUnavailable);
                assert_eq!((refusal.status(), refusal.retry_after_s()), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
                return number - from;
            }
            other => panic!("{other:?}"),
        }
    }
    0
}

fn big(number: usize) -> Vec<u8> {
    let mut record = record(number);
    record.resize(1_000, b'y');
    record
}

fn bigs(count: usize) -> Vec<Vec<u8>> {
    let marked = |number| {
        let mut record = big(number);
        schemas::wire::mark_resent(&mut record);
        record
    };
    (0..count).map(marked).collect()
}

#[tokio::test]
async fn a_full_spool_refuses_clicks_before_conversions_and_takes_both_again_once_it_is_empty() {
    let folder = folder();
    let running = Running::start(SpoolConfig { bytes_max: BYTES_MAX, ..config(folder.path()) }, Health::Away);
    running.away().await;
    assert_eq!(running.spool.not_ready(), None);
    let clicks = fill(&running, Class::Click, 0).await;
    assert!((200..=230).contains(&clicks), "{clicks}");
    assert_eq!(running.spool.not_ready(), None, "conversions still have room");
    let conversions = fill(&running, Class::Conversion, clicks).await;
    assert!((25..=35).contains(&conversions), "{conversions}");
    assert_eq!(running.spool.not_ready(), Some("spool"));
    running.back().await;
    assert_eq!(running.spool.not_ready(), None);
    assert_eq!(running.arrived.all(), bigs(clicks + conversions), "what was taken, and nothing that was refused");
    running.away().await;
    assert_eq!(fill(&running, Class::Click, 0).await, clicks);
    running.stop().await;
}

#[tokio::test]
async fn a_disk_without_the_room_that_must_stay_free_is_not_filled() {
    let folder = folder();
    let running = Running::start(SpoolConfig { free_bytes_min: u64::MAX, ..config(folder.path()) }, Health::Away);
    running.away().await;
    assert_eq!(fill(&running, Class::Conversion, 0).await, 0);
    assert_eq!(running.spool.not_ready(), Some("spool"));
    running.back().await;
    running.stop().await;
}

/// The disk takes half of what is written and fails, then works again.
#[tokio::test]
async fn a_write_that_fails_is_taken_back_and_later_ones_go_on() {
    static CLOCK: AtomicI64 = AtomicI64::new(0);
    let clock = || TimeMs(CLOCK.load(Ordering::Relaxed));
    let (folder, breaks) = (folder(), Arc::new(AtomicBool::new(false)));
    let broken = Arc::clone(&breaks);
    let write = move |file: &File, bytes: &[u8], offset: u64| {
        if broken.load(Ordering::SeqCst) {
            file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        durably(file, bytes, offset)
    };
    let opened = Spool::open_on(config(folder.path()), clock, write).unwrap();
    let running = Running::of(opened, Health::Away);
    running.away().await;
    running.put(0..3).await;
    for _ in 0..2 {
        breaks.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(put(&running.spool, Class::Conversion, record(99)).await, Err(EdgeRefusal::SpoolUnavailable));
        }
        assert!(super::scene::segments(folder.path()).len() <= 2, "what failed leaves no file");
        assert_eq!(running.spool.not_ready(), Some("spool"));
        CLOCK.fetch_add(10_000, Ordering::Relaxed);
        assert_eq!(running.spool.not_ready(), None, "it is tried again");
        breaks.store(false, Ordering::SeqCst);
    }
    running.put(3..6).await;
    let left = super::scene::crashed(folder.path());
    let wanted: Vec<_> = (0..6).map(marked).collect();
    assert_eq!(sent_after(left.path()).await, wanted, "nothing that was refused is found by the next process");
    running.back().await;
    assert_eq!(running.arrived.all(), wanted);
    running.stop().await;
}

const CHILDS_FOLDER: &str = "REFMILL_TEST_FULL_SPOOL";
/// In blocks of 512 or 1,024 bytes, as the shell has it.
const FILE_BLOCKS: &str = "100";

/// Runs where no file may grow past a limit, as on a disk that is full.
#[tokio::test]
async fn a_child_on_a_full_disk() {
    let Some(folder) = std::env::var_os(CHILDS_FOLDER) else { return };
    let running = Running::start(config(Path::new(&folder)), Health::Away);
    running.away().await;
    let taken = fill(&running, Class::Conversion, 0).await;
    assert!(taken > 10, "{taken}");
    // A new file has room again, and nobody had to start anew.
    assert_eq!(put(&running.spool, Class::Conversion, big(taken)).await, Ok(Taken::Spool));
    running.back().await;
    assert_eq!(running.arrived.all(), bigs(taken + 1));
    running.stop().await;
    println!("done");
}

#[tokio::test]
async fn a_disk_that_is_full_in_earnest() {
    let folder = folder();
    let test = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh", FILE_BLOCKS])
        .arg(test)
        .args(["--exact", "spool::tests::full::a_child_on_a_full_disk", "--nocapture"])
        .env(CHILDS_FOLDER, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("done"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
