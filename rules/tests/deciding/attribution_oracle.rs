//! Attribution as a plain batch would do it: sort all counted clicks, pick one. It shares nothing with the rules.

use std::collections::{BTreeMap, HashMap};

use schemas::{
    conversion::Standing,
    decision::{Answer, Outcome},
    event::{Body, Claim, Logged},
    ids::{LinkId, PartnerId},
    receipt::Receipt,
    terms::{EvidenceKey, OnConflict, Policy, Selector},
    time::{DAY_MS, HOUR_MS, TimeMs},
};

use crate::{
    scene::{LINKS, PARTNERS},
    store::Store,
};

/// Who is credited: the link, its partner, and the click that won.
pub(crate) type Credited = Option<(LinkId, PartnerId, Option<Receipt>)>;

#[derive(Debug, Clone, Copy)]
struct PlainClick {
    at: TimeMs,
    offset: u64,
    receipt: Receipt,
}

#[derive(Debug, Clone, Copy)]
struct Referral {
    link: LinkId,
    at: TimeMs,
}

/// Whether every lead and sale of the log was decided as the plain batch decides it, each with the clicks it could see.
pub(crate) fn agrees(store: &Store, policy: &Policy) -> Result<(), String> {
    let clicks = counted_clicks(&store.log);
    let mut referrals: HashMap<u128, Referral> = HashMap::new();
    let conversions = store.kept.replies.iter().filter(|reply| matches!(reply.answer, Answer::Converted(_)));
    for (snapshot, reply) in store.kept.decided.iter().zip(conversions) {
        let logged = &store.log[snapshot.position.offset as usize];
        let seen_up_to = snapshot.explanation.facts_up_to.unwrap_or(snapshot.position.offset);
        let visible: Vec<PlainClick> = clicks.iter().filter(|click| click.offset < seen_up_to).copied().collect();
        let claim = claim(logged);
        let expected = credited(policy, logged, &visible, &referrals);
        let explanation = &snapshot.explanation;
        let click_id = explanation.winner.and_then(|winner| explanation.candidates[winner].click_id.clone());
        let decided = (snapshot.standing == Standing::Attributed)
            .then(|| (snapshot.link, snapshot.partner, click_id.map(|text| Receipt::parse(&text).expect("a receipt"))));
        if decided != expected.map(|(link, partner, click)| (Some(link), Some(partner), click)) {
            return Err(format!("{}: {decided:?}, by the plain batch {expected:?}", snapshot.label));
        }
        if let Some((link, ..)) = expected {
            let at = store.log[reply.position.offset as usize].appended_at;
            for ident in idents(claim) {
                referrals.entry(ident).or_insert(Referral { link, at });
            }
        }
    }
    ends_complete(store, policy, &clicks)
}

/// Where no customer comes into it, the end does not depend on what was seen when.
fn ends_complete(store: &Store, policy: &Policy, clicks: &[PlainClick]) -> Result<(), String> {
    if let Some(waiting) = store.kept.conversions.values().find(|conversion| conversion.standing == Standing::Parked) {
        return Err(format!("{} is still parked", waiting.label));
    }
    if policy.lock_customer || policy.keys.contains(&EvidenceKey::Customer) {
        return Ok(());
    }
    for conversion in store.kept.conversions.values() {
        let logged = &store.log[conversion.position.offset as usize];
        let expected = credited(policy, logged, clicks, &HashMap::new());
        let partner = expected.map(|(_, partner, _)| partner);
        if conversion.partner != partner {
            return Err(format!(
                "{} ends with {:?}, with all clicks {partner:?}",
                conversion.label, conversion.partner
            ));
        }
    }
    Ok(())
}

/// How many clicks of the log come to what, copies left out.
pub(crate) fn click_outcomes(log: &[Logged]) -> BTreeMap<Outcome, i64> {
    let mut counts = BTreeMap::new();
    for (_, outcome) in outcomes(log) {
        *counts.entry(outcome).or_default() += 1;
    }
    counts
}

fn counted_clicks(log: &[Logged]) -> Vec<PlainClick> {
    let counted = outcomes(log).into_iter().filter(|(_, outcome)| *outcome == Outcome::Counted);
    let mut clicks: Vec<PlainClick> = counted.map(|(click, _)| click).collect();
    clicks.sort_by_key(|click| (click.at, click.offset));
    clicks
}

fn outcomes(log: &[Logged]) -> Vec<(PlainClick, Outcome)> {
    let mut found = Vec::new();
    let mut records = HashMap::new();
    let mut clients: HashMap<(LinkId, u64, bool), TimeMs> = HashMap::new();
    for logged in log {
        let Body::Click(click) = &logged.event.body else { continue };
        let fields = click.receipt.fields();
        let offset = logged.position.offset;
        if *records.entry(logged.event.id).or_insert(offset) != offset {
            continue;
        }
        let plain = PlainClick { at: fields.at.min(logged.appended_at), offset, receipt: click.receipt };
        let mut outcome = if fields.visit.counts() { Outcome::Counted } else { Outcome::Bot };
        if fields.client_event_id {
            let client = (fields.link, fields.event_id_hash, fields.visit.counts());
            let first = clients.get(&client).copied();
            if first.is_some_and(|first| logged.appended_at.since_ms(first) <= HOUR_MS) {
                outcome = Outcome::Duplicate;
            } else {
                clients.insert(client, logged.appended_at);
            }
        }
        found.push((plain, outcome));
    }
    found
}

fn credited(policy: &Policy, logged: &Logged, clicks: &[PlainClick], referrals: &HashMap<u128, Referral>) -> Credited {
    let claim = claim(logged);
    let tried = |key| policy.keys.contains(&key);
    let until = claim.occurred_at.unwrap_or(logged.appended_at);
    let from = until.plus_ms(-i64::from(policy.window_days) * DAY_MS);
    let by_receipt = claim.receipt.filter(|_| tried(EvidenceKey::Receipt)).and_then(|receipt| {
        let made_at = receipt.fields().at;
        let at = if claim.occurred_at.is_none() { made_at.min(until) } else { made_at };
        (from <= at && at <= until).then_some((receipt.fields().link, Some(receipt)))
    });
    let by_code = claim.code_link.filter(|_| tried(EvidenceKey::Code)).and_then(|link| {
        if !policy.code_needs_click {
            return Some((link, None));
        }
        let mut inside =
            clicks.iter().filter(|click| click.receipt.fields().link == link && (from..=until).contains(&click.at));
        let chosen = if policy.selector == Selector::First { inside.next() } else { inside.next_back() };
        chosen.map(|click| (link, Some(click.receipt)))
    });
    let evidence = claim.code_link.is_some() || by_receipt.is_some();
    let expires_at = logged.appended_at.plus_ms(i64::from(policy.await_lead_hours) * HOUR_MS);
    let by_customer = idents(claim).find_map(|ident| {
        let referral = referrals.get(&ident)?;
        (evidence || policy.await_lead_hours == 0 || referral.at < expires_at).then_some((referral.link, None))
    });
    if policy.lock_customer && by_customer.is_some() {
        return by_customer.map(full);
    }
    let (mut by_receipt, mut by_code) = (by_receipt, by_code);
    if let (Some((named, _)), Some(typed)) = (by_receipt, claim.code_link.filter(|_| tried(EvidenceKey::Code))) {
        match policy.on_conflict {
            _ if named == typed => by_code = if policy.code_needs_click { by_receipt } else { by_code },
            OnConflict::CodeWins => by_receipt = None,
            OnConflict::ClickWins => by_code = None,
            OnConflict::BothRequired => return None,
        }
    }
    let in_order = policy.keys.iter().find_map(|key| match key {
        EvidenceKey::Receipt => by_receipt,
        EvidenceKey::Code => by_code,
        EvidenceKey::Customer => by_customer,
    });
    in_order.map(full)
}

fn full((link, click): (LinkId, Option<Receipt>)) -> (LinkId, PartnerId, Option<Receipt>) {
    (link, PARTNERS[usize::from(link == LINKS[1])], click)
}

fn claim(logged: &Logged) -> &Claim {
    match &logged.event.body {
        Body::Lead(claim) => claim,
        Body::Sale(sale) => &sale.claim,
        other => panic!("no lead or sale: {other:?}"),
    }
}

fn idents(claim: &Claim) -> impl Iterator<Item = u128> + use<> {
    let customer = claim.customer.map(|hash| hash.0 << 1);
    customer.into_iter().chain(claim.email.map(|hash| hash.0 << 1 | 1))
}
