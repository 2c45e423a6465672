//! Counts everything again: what was acknowledged is there once, and all sums are the sums of what they are sums of.

mod clicks;
mod counts;
mod facts;
mod money;
mod orders;

use std::collections::BTreeMap;
use std::str::FromStr as _;

use schemas::ids::{CompanyId, ConversionId, PartnerId};

use crate::books::{Books, settled};
use crate::cluster::Cluster;
use crate::journal::Run;

/// Waits until nothing is on its way, reads the books and counts them again.
pub(crate) async fn audit(cluster: &Cluster, runs: &[Run]) -> Books {
    let began = std::time::Instant::now();
    settled(cluster).await.unwrap_or_else(|why| panic!("it does not settle: {why}"));
    eprintln!("settled in {:.1?}", began.elapsed());
    let books = Books::read(cluster).await.unwrap_or_else(|why| panic!("the books can't be read: {why}"));
    let wrong = differences(runs, &books);
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), shown(&wrong));
    books
}

/// What is there and should not be, or should be and is not.
pub(crate) fn differences(runs: &[Run], books: &Books) -> Vec<String> {
    let mut found = Found(contradictions(books));
    for run in runs {
        found.0.extend(run.journal.wrong.iter().map(|wrong| format!("answers: {wrong}")));
    }
    clicks::compare(runs, books, &mut found);
    orders::compare(runs, books, &mut found);
    money::compare(runs, books, &mut found);
    found.0
}

/// What contradicts itself, whatever was sent.
pub(crate) fn contradictions(books: &Books) -> Vec<String> {
    let mut found = Found::default();
    progress(books, &mut found);
    clicks::every_record_once(books, &mut found);
    orders::one_key_each(books, &mut found);
    money::add_up_transfers(books, &mut found);
    counts::compare(books, &mut found);
    facts::compare(books, &mut found);
    found.0
}

const SHOWN_MAX: usize = 40;

pub(crate) fn shown(wrong: &[String]) -> String {
    wrong.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n")
}

/// Differences, each under what it is a difference of.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn say(&mut self, of: &str, what: impl std::fmt::Display) {
        self.0.push(format!("{of}: {what}"));
    }

    fn check<T: PartialEq + std::fmt::Debug>(&mut self, of: &str, what: impl std::fmt::Display, is: T, wanted: T) {
        if is != wanted {
            self.say(of, format!("{what} is {is:?} and should be {wanted:?}"));
        }
    }

    /// The same keys with the same values on both sides.
    fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
        &mut self,
        of: &str,
        is: &BTreeMap<K, V>,
        wanted: &BTreeMap<K, V>,
    ) {
        for (key, wanted) in wanted {
            match is.get(key) {
                Some(is) => self.check(of, format_args!("{key:?}"), is, wanted),
                None => self.say(of, format!("{key:?} is not there and should be {wanted:?}")),
            }
        }
        for (key, is) in is.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
            self.say(of, format!("{key:?} is {is:?} and should not be there"));
        }
    }
}

fn progress(books: &Books, found: &mut Found) {
    for (partition, end) in (0..).zip(&books.ends) {
        match books.progress.iter().find(|progress| progress.partition == partition) {
            Some(progress) => {
                found.check("progress", format_args!("partition {partition}, decided to"), progress.next, *end);
                if progress.planned > progress.next || progress.published > progress.next {
                    found.say("progress", format!("{progress:?} is ahead of itself"));
                }
            }
            None if *end == 0 => {}
            None => found.say("progress", format!("partition {partition} was never decided")),
        }
    }
    let waiting = [
        ("parked", books.parked),
        ("settles due", books.settles_due),
        ("replies", books.replies),
        ("unmarked blocks", books.unmarked),
        ("records put aside", books.quarantined),
    ];
    for (what, count) in waiting {
        found.check("waiting", what, count, 0);
    }
}

/// What several rows of one key add up to.
fn add_up<K: Ord, const N: usize>(rows: impl Iterator<Item = (K, [i64; N])>) -> BTreeMap<K, [i64; N]> {
    let mut sums = BTreeMap::new();
    for (key, row) in rows {
        let sum = sums.entry(key).or_insert([0; N]);
        sum.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
    }
    sums.retain(|_, sum| sum.iter().any(|part| *part != 0));
    sums
}

pub(crate) fn company(id: &str) -> u64 {
    CompanyId::from_str(id).expect("a company's id").0
}

pub(crate) fn partner(id: &str) -> u64 {
    PartnerId::from_str(id).expect("a partner's id").0
}

fn conversion(id: &str) -> u128 {
    ConversionId::from_str(id).expect("a conversion's id").0
}
