use schemas::time::SECOND_MS;

use super::{Observation, Scene};

/// Less than the threshold's milliseconds between click and sale.
pub(super) fn observe(scene: &Scene<'_>, threshold: i64) -> Option<Observation> {
    let click = scene.winner.click?;
    let after_ms = scene.case.at().since_ms(click.at).max(0);
    (after_ms < threshold).then(|| Observation {
        value: seconds(after_ms),
        sentence: "Hardly any time passed between the click and the conversion.",
        threshold: Some(seconds(threshold)),
    })
}

/// `1.2 s`, and `5 s` where nothing follows the point.
fn seconds(ms: i64) -> String {
    let (whole, tenths) = (ms / SECOND_MS, ms % SECOND_MS / 100);
    if tenths == 0 { format!("{whole} s") } else { format!("{whole}.{tenths} s") }
}
