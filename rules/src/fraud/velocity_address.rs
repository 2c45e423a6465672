use super::{Observation, Scene};
use crate::touches::Visitor;

/// More clicks than the threshold came from the click's address on its code within an hour.
pub(super) fn observe(scene: &Scene<'_>, threshold: i64) -> Option<Observation> {
    let fields = scene.winner.click?.receipt.fields();
    let visitor = Visitor::of(fields.link, fields.address_cut);
    let peak = scene.known.touches.velocity.get(&visitor)?.peak;
    (i64::from(peak) > threshold).then(|| Observation {
        value: format!("{peak} clicks"),
        sentence: "Very many clicks on this code came from one address within an hour.",
        threshold: Some(format!("{threshold} clicks")),
    })
}
