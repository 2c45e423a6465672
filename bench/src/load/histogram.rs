//! Times in µs to three digits, from which nothing below p99.99 is lost.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::record::Quantiles;

/// Longer than anything is waited for; what takes longer counts as this.
const LONGEST: Duration = Duration::from_secs(600);
const DIGITS: u8 = 3;

/// What is told of a histogram: shares in millionths, and the same as the library takes them.
const POINTS: [(u32, f64); 20] = [
    (50_000, 0.05),
    (100_000, 0.1),
    (200_000, 0.2),
    (250_000, 0.25),
    (300_000, 0.3),
    (400_000, 0.4),
    (500_000, 0.5),
    (600_000, 0.6),
    (700_000, 0.7),
    (750_000, 0.75),
    (800_000, 0.8),
    (900_000, 0.9),
    (950_000, 0.95),
    (980_000, 0.98),
    (990_000, 0.99),
    (995_000, 0.995),
    (998_000, 0.998),
    (999_000, 0.999),
    (999_500, 0.9995),
    (999_900, 0.9999),
];

pub(crate) const P99: u32 = 990_000;

pub(crate) fn new() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, DIGITS)?)
}

pub(crate) fn quantiles(of: &Histogram<u64>) -> Quantiles {
    if of.is_empty() {
        return Quantiles::default();
    }
    let points = POINTS.iter().map(|(ppm, share)| (*ppm, of.value_at_quantile(*share))).collect();
    Quantiles { count: of.len(), points, max_us: of.max() }
}

/// The time that 99 of 100 did not exceed.
pub(crate) fn p99(of: &Histogram<u64>) -> u64 {
    if of.is_empty() { 0 } else { of.value_at_quantile(0.99) }
}
