//! Who wins on what evidence, one row a case.

use rules::presets;
use schemas::{
    conversion::Standing,
    event::{Body, Claim},
    explanation::CandidateVerdict,
    ids::LinkId,
    money::Rate,
    receipt::{Receipt, Visit},
    terms::{EvidenceKey, OnConflict, Policy, Selector, Terms},
    time::{DAY_MS, TimeMs},
};

use crate::scene::{LINKS, NOON, PARTNERS, PROGRAM, claim, customer, hours, receipt_of, refuel, sale, store};

const ONE: LinkId = LINKS[0];
const TWO: LinkId = LINKS[1];
const MONTH: i64 = 30 * 24;
const P: Visit = Visit::Person;

/// Clicks as (link, hours from noon, visit), in the log's order; then a sale at noon.
type Clicks<'a> = &'a [(LinkId, i64, Visit)];

fn check(name: &str, terms: Terms, clicks: Clicks<'_>, evidence: impl Fn(&mut Claim, &[Receipt]), expected: &str) {
    let mut store = store(terms);
    let receipts: Vec<Receipt> =
        clicks.iter().zip(1..).map(|((link, at, visit), n)| receipt_of(*link, hours(*at), n, *visit)).collect();
    let first_append = hours(-100 * 24);
    for receipt in &receipts {
        store.happens(Body::Click(Box::new(crate::scene::click(*receipt))), receipt.fields().at.max(first_append));
    }
    let mut claim = claim(1);
    evidence(&mut claim, &receipts);
    store.take_event(sale(claim, 1000), NOON);
    let conversion = store.conversion(1);
    let explanation = &conversion.explanation;
    let shown = match conversion.standing {
        Standing::Attributed => {
            let candidate = &explanation.candidates[explanation.winner.expect("a winner")];
            assert_eq!(candidate.verdict, CandidateVerdict::Won, "{name}");
            assert_eq!(candidate.partner, conversion.partner, "{name}");
            let click = receipts.iter().position(|receipt| candidate.click_id == Some(receipt.to_string()));
            let click = click.map(|index| format!(" click {index}")).unwrap_or_default();
            format!("{:?} {}{click}", candidate.key, conversion.link.expect("a link").0)
        }
        Standing::Unattributed(why) => why.as_str().to_owned(),
        Standing::Refused(refusal) => refusal.as_str().to_owned(),
        Standing::Parked => "parked".to_owned(),
    };
    assert_eq!(shown, expected, "{name}: {:?}", explanation.candidates);
    let won = explanation.candidates.iter().filter(|candidate| candidate.verdict == CandidateVerdict::Won).count();
    assert_eq!(won, usize::from(explanation.winner.is_some()), "{name}");
}

fn code(link: LinkId) -> impl Fn(&mut Claim, &[Receipt]) {
    move |claim, _| claim.code_link = Some(link)
}

fn with_receipt(index: usize) -> impl Fn(&mut Claim, &[Receipt]) {
    move |claim, receipts| claim.receipt = Some(receipts[index])
}

fn both(link: LinkId, index: usize) -> impl Fn(&mut Claim, &[Receipt]) {
    move |claim, receipts| (claim.code_link, claim.receipt) = (Some(link), Some(receipts[index]))
}

fn at(hours_after: i64, evidence: impl Fn(&mut Claim, &[Receipt])) -> impl Fn(&mut Claim, &[Receipt]) {
    move |claim, receipts| {
        evidence(claim, receipts);
        claim.occurred_at = Some(hours(hours_after));
    }
}

fn with(change: impl FnOnce(&mut Policy)) -> Terms {
    let mut terms = refuel();
    change(&mut terms.policy);
    terms
}

#[test]
fn a_code_and_its_clicks() {
    check("the newest", refuel(), &[(ONE, -5, P), (ONE, -2, P)], code(ONE), "Code 1 click 1");
    check("the newest by time, not by place", refuel(), &[(ONE, -2, P), (ONE, -5, P)], code(ONE), "Code 1 click 0");
    check("of two at once the later in the log", refuel(), &[(ONE, -2, P), (ONE, -2, P)], code(ONE), "Code 1 click 1");
    check("none", refuel(), &[], code(ONE), "no_click_in_window");
    check("another code's", refuel(), &[(TWO, -2, P)], code(ONE), "no_click_in_window");
    check("a bot's", refuel(), &[(ONE, -2, Visit::Bot)], code(ONE), "no_click_in_window");
    check(
        "a bot's is never the newest",
        refuel(),
        &[(ONE, -5, P), (ONE, -2, Visit::Prefetch)],
        code(ONE),
        "Code 1 click 0",
    );
    check("at the window's edge", refuel(), &[(ONE, -MONTH, P)], code(ONE), "Code 1 click 0");
    check("past the window's edge", refuel(), &[(ONE, -MONTH - 1, P)], code(ONE), "no_click_in_window");
    check("no evidence", refuel(), &[(ONE, -2, P)], |_, _| {}, "no_evidence");
    let first = || with(|policy| policy.selector = Selector::First);
    check("the first", first(), &[(ONE, -5, P), (ONE, -2, P)], code(ONE), "Code 1 click 0");
    check("the first inside is unknown", first(), &[(ONE, -MONTH - 1, P), (ONE, -2, P)], code(ONE), "parked");
    check(
        "the first and all outside",
        first(),
        &[(ONE, -MONTH - 2, P), (ONE, -MONTH - 1, P)],
        code(ONE),
        "no_click_in_window",
    );
    let typed = || with(|policy| policy.code_needs_click = false);
    check("a typed code", typed(), &[], code(ONE), "Code 1");
    check("a typed code, backdated", typed(), &[(ONE, -9, P), (ONE, -2, P)], at(-5, code(ONE)), "Code 1");
}

#[test]
fn a_time_of_its_own() {
    check("after every click", refuel(), &[(ONE, -9, P), (ONE, -5, P)], at(-5, code(ONE)), "Code 1 click 1");
    check("between clicks", refuel(), &[(ONE, -9, P), (ONE, -2, P)], at(-5, code(ONE)), "parked");
    check("before every click", refuel(), &[(ONE, -2, P), (ONE, -1, P)], at(-5, code(ONE)), "no_click_in_window");
    check(
        "a receipt needs no memory",
        refuel(),
        &[(ONE, -9, P), (ONE, -2, P)],
        at(-5, both(ONE, 0)),
        "Receipt 1 click 0",
    );
    check("a receipt of later", refuel(), &[(ONE, -2, P)], at(-5, with_receipt(0)), "no_click_in_window");
    check("a clock ahead is no later click", refuel(), &[(ONE, 1, P)], with_receipt(0), "Receipt 1 click 0");
    let edge = -MONTH - 5;
    check("the window is counted from it", refuel(), &[(ONE, edge, P)], at(-5, code(ONE)), "Code 1 click 0");
}

#[test]
fn a_receipt_and_a_code() {
    let clicks: Clicks<'_> = &[(ONE, -9, P), (ONE, -5, P), (TWO, -4, P), (ONE, -MONTH - 1, P), (TWO, -MONTH - 1, P)];
    check("a receipt alone", refuel(), clicks, with_receipt(0), "Receipt 1 click 0");
    check("it wins over the newest", refuel(), clicks, both(ONE, 0), "Receipt 1 click 0");
    check(
        "even where the code comes first",
        with(|policy| policy.keys.reverse()),
        clicks,
        both(ONE, 0),
        "Receipt 1 click 0",
    );
    check("an old one counts as none", refuel(), clicks, both(ONE, 3), "Code 1 click 1");
    check("an old one alone", refuel(), clicks, with_receipt(3), "no_click_in_window");
    check("a bot's may win", refuel(), &[(ONE, -9, P), (ONE, -5, Visit::Head)], both(ONE, 1), "Receipt 1 click 1");
    let conflict = |rule| with(|policy: &mut Policy| policy.on_conflict = rule);
    check("code wins", conflict(OnConflict::CodeWins), clicks, both(ONE, 2), "Code 1 click 1");
    check(
        "code wins and needs a click",
        conflict(OnConflict::CodeWins),
        &[(TWO, -4, P)],
        both(ONE, 0),
        "no_click_in_window",
    );
    check("click wins", conflict(OnConflict::ClickWins), clicks, both(ONE, 2), "Receipt 2 click 2");
    check("both required", conflict(OnConflict::BothRequired), clicks, both(ONE, 2), "evidence_disagrees");
    check(
        "an old one disagrees with nothing",
        conflict(OnConflict::BothRequired),
        clicks,
        both(ONE, 4),
        "Code 1 click 1",
    );
    check("both agree", conflict(OnConflict::BothRequired), clicks, both(ONE, 0), "Receipt 1 click 0");
    check("one is enough", conflict(OnConflict::BothRequired), clicks, code(TWO), "Code 2 click 2");
    let codes_only = || with(|policy| policy.keys = vec![EvidenceKey::Code]);
    check("a receipt not looked at", codes_only(), clicks, both(ONE, 2), "Code 1 click 1");
    check("a receipt not looked at is none", codes_only(), clicks, with_receipt(2), "no_evidence");
}

/// A customer that came by the second link an hour before the sale at noon.
fn check_known(name: &str, terms: Terms, evidence: impl Fn(&mut Claim), expected: (LinkId, EvidenceKey)) {
    let mut store = store(terms);
    store.clicked(receipt_of(ONE, hours(-3), 1, P));
    store.clicked(receipt_of(TWO, hours(-2), 2, P));
    let mut lead = claim(1);
    (lead.code_link, lead.customer) = (Some(TWO), customer(7));
    store.happens(Body::Lead(Box::new(lead)), hours(-1));
    let mut paid = claim(2);
    evidence(&mut paid);
    store.happens(sale(paid, 1000), NOON);
    let conversion = store.conversion(2);
    let winner = conversion.explanation.winner.unwrap_or_else(|| panic!("{name}: {:?}", conversion.explanation));
    assert_eq!((conversion.link.expect("a link"), conversion.explanation.candidates[winner].key), expected, "{name}");
}

#[test]
fn a_customer() {
    let known = |claim: &mut Claim| claim.customer = customer(7);
    let known_with_code = |claim: &mut Claim| (claim.customer, claim.code_link) = (customer(7), Some(ONE));
    let later = TimeMs(0);
    let rate = Rate(100_000);
    check_known("refairn", presets::refairn(PROGRAM, rate, later), known, (TWO, EvidenceKey::Customer));
    check_known(
        "refairn, locked",
        presets::refairn(PROGRAM, rate, later),
        known_with_code,
        (TWO, EvidenceKey::Customer),
    );
    check_known(
        "reditus, locked",
        presets::reditus(PROGRAM, rate, later),
        known_with_code,
        (TWO, EvidenceKey::Customer),
    );
    check_known("reflio, locked", presets::reflio(PROGRAM, rate, later), known_with_code, (TWO, EvidenceKey::Customer));
    check_known(
        "refport, the last click",
        presets::refport(PROGRAM, rate, later),
        known_with_code,
        (ONE, EvidenceKey::Code),
    );
    check_known("refport, by customer", presets::refport(PROGRAM, rate, later), known, (TWO, EvidenceKey::Customer));
    check_known(
        "refuel knows codes",
        presets::refuel(PROGRAM, rate, 30, later),
        known_with_code,
        (ONE, EvidenceKey::Code),
    );
}

#[test]
fn terms_are_those_in_force_at_the_conversions_time() {
    let mut store = store(refuel());
    let mut newer = presets::refuel(PROGRAM, Rate(200_000), 30, hours(-1));
    newer.version = 2;
    store.terms.get_mut(&PROGRAM).unwrap().push(newer);
    store.clicked(receipt_of(ONE, hours(-9), 1, P));
    for (n, occurred_at, version, commission_minor) in
        [(1, None, 2, 200), (2, Some(hours(-1)), 2, 200), (3, Some(hours(-1).plus_ms(-1)), 1, 100)]
    {
        let mut claim = claim(n);
        (claim.code_link, claim.occurred_at) = (Some(ONE), occurred_at);
        store.happens(sale(claim, 1000), NOON);
        let conversion = store.conversion(n);
        assert_eq!((conversion.terms_version, conversion.commission_minor), (version, commission_minor), "sale {n}");
        assert_eq!(conversion.partner, Some(PARTNERS[0]));
        store.happens(crate::scene::refund(n, n, Some(500)), NOON.plus_ms(DAY_MS));
        assert_eq!(store.conversion(n).commission_minor, commission_minor / 2, "its refunds keep to them");
    }
}
