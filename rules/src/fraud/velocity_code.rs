use schemas::time::{DAY_MS, HOUR_MS};

use super::{Observation, Scene};
use crate::known::LinkSales;

/// How many times its usual hour a code must sell to be conspicuous.
const TIMES_THE_MEAN: u64 = 10;
/// A code that hardly sells is taken to sell this many in an hour.
const LEAST_MEAN: u64 = 2;
const BUCKETS_AN_HOUR: i64 = HOUR_MS / LinkSales::BUCKET_MS;
const BUCKETS_BEFORE: i64 = 7 * DAY_MS / LinkSales::BUCKET_MS;
const HOURS_BEFORE: u64 = 7 * 24;

/// At least the threshold's sales of the code in an hour, this one included, and many times its mean of the week before.
pub(super) fn observe(scene: &Scene<'_>, threshold: i64) -> Option<Observation> {
    scene.case.currency?;
    let now = LinkSales::bucket_of(scene.case.at());
    let hour_began = now - BUCKETS_AN_HOUR;
    let sales = scene.known.link_sales.get(&scene.winner.link);
    let between = |first, end| sales.map_or(0, |sales| sales.between(first, end));
    let within_hour = between(hour_began, now + 1) + 1;
    let week_before = between(hour_began - BUCKETS_BEFORE, hour_began).max(LEAST_MEAN * HOURS_BEFORE);
    let enough = i64::try_from(within_hour).is_ok_and(|sales| sales >= threshold);
    (enough && within_hour * HOURS_BEFORE >= TIMES_THE_MEAN * week_before).then(|| Observation {
        value: format!("{within_hour} sales"),
        sentence: "This code sells far faster than it used to.",
        threshold: Some(format!("{threshold} sales")),
    })
}
