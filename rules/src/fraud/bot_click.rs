use schemas::receipt::Visit;

use super::{Observation, Scene};

/// Only a receipt can name such a click: none of them is ever remembered.
pub(super) fn observe(scene: &Scene<'_>) -> Option<Observation> {
    let value = match scene.winner.click?.receipt.fields().visit {
        Visit::Person => return None,
        Visit::Bot => "bot",
        Visit::Prefetch => "prefetch",
        Visit::Head => "HEAD request",
    };
    Some(Observation {
        value: value.to_owned(),
        sentence: "The click that counts was made by no person.",
        threshold: None,
    })
}
