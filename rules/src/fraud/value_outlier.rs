use super::{Observation, Scene};

/// Fewer sales than this tell no median.
const LEAST_SEEN: usize = 10;

/// More than the threshold's multiple of the median of the company's last sales. Of a median of zero there is no multiple.
pub(super) fn observe(scene: &Scene<'_>, threshold: i64) -> Option<Observation> {
    let (claim, currency) = (scene.case.claim, scene.case.currency?);
    let values = scene.known.recent_values.get(&(claim.company, currency))?;
    if values.len() < LEAST_SEEN {
        return None;
    }
    let twice_median = twice_median(values);
    let twice_amount = 2 * i128::from(scene.case.amount_minor);
    (twice_median > 0 && twice_amount > i128::from(threshold) * twice_median).then(|| Observation {
        value: format!("{} times the median", twice_amount / twice_median),
        sentence: "The sale is worth far more than the company's usual ones.",
        threshold: Some(format!("{threshold} times the median")),
    })
}

/// Twice, so that the middle of two is exact.
fn twice_median(values: &[i64]) -> i128 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    i128::from(low) + i128::from(high)
}
