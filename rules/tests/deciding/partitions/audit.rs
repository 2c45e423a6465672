//! What must hold however the owners' steps fell: at each commit, and once all is decided.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rules::{Effect, effect::ParkedUntil, known::Ident};
use schemas::{
    conversion::{Conversion, ReviewState, Standing},
    decision::{EventKind, Outcome},
    event::{Body, Claim, Event},
    hashes::KeyHash,
    ids::{ConversionId, EventId, PartnerId},
    terms::Terms,
    time::{HOUR_MS, TimeMs},
};

use super::deployment::Deployment;
use crate::{
    explained::{posted, recomputed},
    scene::PROGRAM,
    store::Ledger,
};

/// A batch is committed as if all of it had been decided at that moment: the outcome is that of the commits one after the other.
/// A settle more than that finds nothing to do, one less would leave a sale waiting.
pub(crate) fn same_as_of_now(decided: &[Effect], as_of_now: &[Effect]) -> Result<(), String> {
    let is_settle = |effect: &&Effect| matches!(effect, Effect::AppendSettle { .. });
    let first = decided.iter().filter(|effect| !is_settle(effect));
    let again = as_of_now.iter().filter(|effect| !is_settle(effect));
    if let Some((first, again)) = first.clone().zip(again.clone()).find(|(first, again)| first != again) {
        return Err(format!("not as it would be now: {first:?} and not {again:?}"));
    }
    if first.count() != again.count() {
        return Err("not as it would be now: more or less".to_owned());
    }
    match as_of_now.iter().filter(is_settle).find(|settle| !decided.contains(settle)) {
        Some(settle) => Err(format!("not as it would be now: nobody asks for {settle:?}")),
        None => Ok(()),
    }
}

/// What a ledger refuses.
pub(crate) fn can_commit(ledger: &Ledger, effects: &[Effect]) -> Result<(), String> {
    let (mut keys, mut transfers) = (BTreeSet::new(), BTreeSet::new());
    for effect in effects {
        let twice = match effect {
            Effect::TakeKey { key, .. } => ledger.keys.contains_key(key) || !keys.insert(*key),
            Effect::Post(transfer) => ledger.transfers.contains_key(&transfer.id) || !transfers.insert(transfer.id),
            _ => false,
        };
        if twice {
            return Err(format!("committed twice: {effect:?}"));
        }
    }
    Ok(())
}

/// What is spent is what commissions stand at, and never more than there is.
pub(crate) fn budgets(deployment: &mut Deployment) -> Result<(), String> {
    let versions = deployment.with(0, |store| store.terms[&PROGRAM].clone());
    let Some(most) = versions.iter().filter_map(|terms| terms.caps.budget_minor).max() else { return Ok(()) };
    let mut standing = BTreeMap::new();
    for conversion in deployment.ledger.conversions.values().filter(|conversion| stands(conversion)) {
        *standing.entry((PROGRAM, conversion.currency)).or_insert(0) += conversion.commission_minor;
    }
    for (budget, spent) in &deployment.ledger.budgets {
        let commissions = standing.remove(budget).unwrap_or(0);
        if *spent != commissions || *spent > most {
            return Err(format!("{spent} of {most} is spent and commissions stand at {commissions}"));
        }
    }
    match standing.into_iter().find(|(_, commissions)| *commissions != 0) {
        Some((_, commissions)) => Err(format!("nothing is spent and commissions stand at {commissions}")),
        None => Ok(()),
    }
}

/// Once all is decided and settled, and before time lets anything expire.
pub(crate) fn all(deployment: &mut Deployment, terms: &Terms) -> Result<(), String> {
    one_conversion_a_key(deployment)?;
    one_outcome_an_event(deployment)?;
    everyone_is_answered(deployment)?;
    customers_stay(deployment, terms)?;
    nobody_waits_in_vain(deployment)?;
    the_books_are_right(deployment)?;
    budgets(deployment)
}

fn stands(conversion: &Conversion) -> bool {
    conversion.standing == Standing::Attributed && conversion.review != ReviewState::Rejected
}

pub(crate) fn claim_of(event: &Event) -> Option<(&Claim, EventKind)> {
    match &event.body {
        Body::Lead(claim) => Some((claim, EventKind::Lead)),
        Body::Sale(sale) => Some((&sale.claim, EventKind::Sale)),
        _ => None,
    }
}

fn one_conversion_a_key(deployment: &Deployment) -> Result<(), String> {
    let ledger = &deployment.ledger;
    let stand = |conversion: &&Conversion| !matches!(conversion.standing, Standing::Refused(_));
    let mut named: HashMap<KeyHash, ConversionId> = HashMap::new();
    for conversion in ledger.conversions.values().filter(stand) {
        let (claim, _) = claim_of(&deployment.sent[&conversion.event]).expect("a lead or sale");
        for key in &claim.keys {
            let taken_by = ledger.keys.get(key).map(|taken| taken.conversion);
            if named.insert(*key, conversion.id).is_some() || taken_by != Some(conversion.id) {
                return Err(format!("{key:?} names {:?} and is taken by {taken_by:?}", conversion.id));
            }
        }
    }
    let refunds: BTreeSet<ConversionId> = ledger.refunds.iter().map(|refund| refund.id).collect();
    if refunds.len() != ledger.refunds.len() {
        return Err("a refund is applied twice".to_owned());
    }
    let stands = |id: &ConversionId| refunds.contains(id) || ledger.conversions.get(id).filter(stand).is_some();
    let events_own = |key: &KeyHash| deployment.sent.contains_key(&EventId(key.0));
    match ledger.keys.iter().find(|(key, taken)| !events_own(key) && !stands(&taken.conversion)) {
        Some((key, taken)) => Err(format!("{key:?} is taken by {:?}, which does not stand", taken.conversion)),
        None => Ok(()),
    }
}

fn one_outcome_an_event(deployment: &Deployment) -> Result<(), String> {
    let mut sent: BTreeMap<EventKind, i64> = BTreeMap::new();
    for event in deployment.sent.values() {
        let kind = match &event.body {
            Body::Click(_) => EventKind::Click,
            Body::Lead(_) => EventKind::Lead,
            Body::Sale(_) => EventKind::Sale,
            Body::Refund(_) => EventKind::Refund,
            Body::Review(_) => EventKind::Review,
            Body::Settle(_) | Body::EdgeCounts(_) | Body::Tick => continue,
        };
        *sent.entry(kind).or_default() += 1;
    }
    let mut counted: BTreeMap<EventKind, i64> = BTreeMap::new();
    for ((_, kind, outcome, _), count) in &deployment.ledger.counts {
        if *count < 0 {
            return Err(format!("{count} {kind:?} are {outcome:?}"));
        }
        *counted.entry(*kind).or_default() += count;
    }
    counted.retain(|_, count| *count != 0);
    if sent != counted {
        return Err(format!("sent are {sent:?} and counted {counted:?}"));
    }
    let parked = deployment.ledger.conversions.values().filter(|conversion| conversion.standing == Standing::Parked);
    let waiting: i64 = deployment
        .ledger
        .counts
        .iter()
        .filter(|((_, _, outcome, _), _)| *outcome == Outcome::Parked)
        .map(|(_, n)| n)
        .sum();
    if parked.count() as i64 == waiting { Ok(()) } else { Err(format!("{waiting} are counted as parked")) }
}

fn everyone_is_answered(deployment: &Deployment) -> Result<(), String> {
    let answered: BTreeSet<_> = deployment.ledger.replies.iter().map(|reply| reply.event).collect();
    let asks =
        |event: &&Event| !matches!(event.body, Body::Click(_) | Body::Settle(_) | Body::EdgeCounts(_) | Body::Tick);
    match deployment.sent.values().filter(asks).find(|event| !answered.contains(&event.id)) {
        Some(event) => Err(format!("no answer to {event:?}")),
        None => Ok(()),
    }
}

/// Who was credited first keeps a customer, under every identifier, and by terms that lock no decision says otherwise later.
fn customers_stay(deployment: &Deployment, terms: &Terms) -> Result<(), String> {
    let mut bound: HashMap<Ident, (PartnerId, TimeMs)> = HashMap::new();
    let attributed = deployment.ledger.decided.iter().filter(|decided| decided.standing == Standing::Attributed);
    for conversion in attributed {
        let (claim, kind) = claim_of(&deployment.sent[&conversion.event]).expect("a lead or sale");
        let idents: Vec<Ident> =
            claim.customer.map(Ident::Customer).into_iter().chain(claim.email.map(Ident::Email)).collect();
        let partner = conversion.partner.ok_or("a winner has no partner")?;
        let at =
            deployment.log(conversion.position.partition as usize)[conversion.position.offset as usize].appended_at;
        let expires_at = at.plus_ms(i64::from(terms.policy.await_lead_hours) * HOUR_MS);
        let waited = kind == EventKind::Sale && terms.policy.await_lead_hours > 0;
        let in_time = |bound: &&(PartnerId, TimeMs)| !waited || bound.1 < expires_at;
        let owner = idents.iter().filter_map(|ident| bound.get(ident)).find(in_time);
        if let Some((owner, _)) = owner.filter(|(owner, _)| terms.policy.lock_customer && *owner != partner) {
            return Err(format!("{} is {partner:?}'s, and its customer {owner:?}'s", conversion.label));
        }
        for ident in idents {
            let record = deployment.ledger.idents.get(&(claim.company, ident)).and_then(|record| record.bound);
            let record = record.ok_or_else(|| format!("{ident:?} belongs to nobody"))?;
            let (first, _) = *bound.entry(ident).or_insert((partner, record.at));
            if record.partner != first {
                return Err(format!("{ident:?} was {first:?}'s and is {:?}'s", record.partner));
            }
        }
    }
    Ok(())
}

/// A sale whose customer was credited in time does not wait for it any more.
fn nobody_waits_in_vain(deployment: &Deployment) -> Result<(), String> {
    for parked in deployment.ledger.parked.values() {
        let ParkedUntil::Lead { expires_at } = parked.until else { continue };
        for ident in &parked.idents {
            let bound = deployment.ledger.idents.get(&(parked.company, *ident)).and_then(|record| record.bound);
            if bound.is_some_and(|bound| bound.at < expires_at) {
                return Err(format!("{:?} waits for {ident:?}, who is known", parked.conversion));
            }
        }
    }
    match deployment.ledger.parked.values().find(|parked| matches!(parked.until, ParkedUntil::FactsHold { .. })) {
        Some(parked) => Err(format!("{:?} waits for facts", parked.conversion)),
        None => Ok(()),
    }
}

/// What transfers say is what conversions and their explanations say.
fn the_books_are_right(deployment: &mut Deployment) -> Result<(), String> {
    let conversions: Vec<Conversion> = deployment.ledger.conversions.values().cloned().collect();
    for conversion in conversions {
        let parts = if stands(&conversion) { (conversion.partner_minor, conversion.platform_minor) } else { (0, 0) };
        let found = deployment.with(0, |store| posted(store, &conversion));
        if found != parts {
            return Err(format!("{}: {found:?} is posted and should be {parts:?}", conversion.label));
        }
        if stands(&conversion) && recomputed(&conversion) != parts {
            return Err(format!("{} is explained as {:?}", conversion.label, recomputed(&conversion)));
        }
    }
    Ok(())
}
