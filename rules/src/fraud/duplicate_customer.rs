use super::{Observation, Scene};
use crate::known::{Ident, IdentRecord};

pub(super) fn observe(scene: &Scene<'_>) -> Option<Observation> {
    let company = scene.case.claim.company;
    let records = scene.case.idents().filter_map(|ident| Some((ident, *scene.known.idents.get(&(company, ident))?)));
    let (mut of_another, mut renamed) = (false, false);
    for (ident, record) in records {
        of_another |= record.bound.is_some_and(|bound| bound.partner != scene.winner.partner);
        renamed |= is_renamed(scene, ident, record);
    }
    let (value, sentence) = if of_another {
        ("another partner's", "The company knows this customer from another partner.")
    } else if renamed {
        ("another customer id", "The company knows this e-mail address under another customer id.")
    } else {
        return None;
    };
    Some(Observation { value: value.to_owned(), sentence, threshold: None })
}

fn is_renamed(scene: &Scene<'_>, ident: Ident, record: IdentRecord) -> bool {
    let named = scene.case.claim.customer;
    matches!(ident, Ident::Email(_)) && record.customer.zip(named).is_some_and(|(known, named)| known != named)
}
