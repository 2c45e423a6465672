use super::{Observation, Scene};
use crate::known::ClickName;

/// More customers than the threshold on one click, this one among them.
pub(super) fn observe(scene: &Scene<'_>, threshold: i64) -> Option<Observation> {
    let name = ClickName::from(&scene.winner.click?.receipt);
    let customer = scene.case.customer()?;
    let used_by = scene.known.click_customers.get(&name);
    let before = used_by.map_or(0, |customers| customers.len() - usize::from(customers.contains(&customer)));
    let customers = i64::try_from(before).unwrap_or(i64::MAX).saturating_add(1);
    (customers > threshold).then(|| Observation {
        value: format!("{customers} customers"),
        sentence: "One click is used by many customers.",
        threshold: Some(format!("{threshold} customers")),
    })
}
