use super::{Observation, Scene};

pub(super) fn observe(scene: &Scene<'_>) -> Option<Observation> {
    let partners = scene.known.partners.get(&scene.winner.partner)?;
    (scene.case.claim.email? == *partners).then(|| Observation {
        value: "the partner's".to_owned(),
        sentence: "The customer's e-mail address is the partner's own.",
        threshold: None,
    })
}
