use super::{Observation, Scene};

pub(super) fn observe(scene: &Scene<'_>) -> Option<Observation> {
    scene.case.claim.disposable_email.then(|| Observation {
        value: "listed domain".to_owned(),
        sentence: "The customer's e-mail address is of a throw-away domain.",
        threshold: None,
    })
}
