use std::sync::atomic::{AtomicU32, Ordering};

use proptest::{option, prelude::*, sample::select};
use schemas::{
    decision::Outcome,
    facts::{ClickFact, ConversionChange, Fact},
    ids::{CompanyId, LinkId, PartnerId, Position},
    money::Currency,
    receipt::Visit,
    time::{DAY_MS, Day, TimeMs},
    web::Utm,
};
use stores::facts::Days;

use crate::{
    oracle::{Rows, check_company, check_link, check_partner},
    place::{NOON, Place, block, changed, clicked, sold, visited},
};

const COMPANIES: u64 = 2;
const PARTNERS: u64 = 3;
const LINKS: u64 = 5;

fn time() -> impl Strategy<Value = TimeMs> {
    (-6 * DAY_MS..DAY_MS).prop_map(|ms| NOON.plus_ms(ms))
}

/// A company, a partner and a link, as they happen to meet.
fn place() -> impl Strategy<Value = (CompanyId, PartnerId, LinkId)> {
    (1..=COMPANIES, 1..=PARTNERS, 1..=LINKS)
        .prop_map(|(company, partner, link)| (CompanyId(company), PartnerId(partner), LinkId(link)))
}

fn some_click() -> impl Strategy<Value = Fact> {
    let outcome = select(vec![Outcome::Counted, Outcome::Counted, Outcome::Bot, Outcome::Duplicate, Outcome::Refused]);
    let words = || option::of(select(vec!["news", "x.example", "Zo\u{eb}"]));
    (time(), place(), outcome, words(), words(), select(vec!["/", "/a", "/b"])).prop_map(
        |(at, (company, partner, link), outcome, source, host, path)| {
            let mut click = ClickFact { company, partner, outcome, ..visited(0, at, link, Visit::Person) };
            click.utm = Utm { source: source.map(Into::into), ..Utm::default() };
            click.referrer_host = host.map(Into::into);
            click.landing.path = path.into();
            clicked(click)
        },
    )
}

fn some_change() -> impl Strategy<Value = Fact> {
    let currency = select(vec![Currency::USD, Currency::GBP]);
    (time(), place(), currency, -1_i64..=1, -100_000_i64..100_000, any::<bool>(), any::<bool>()).prop_map(
        |(at, (company, partner, link), currency, conversions, revenue_minor, credited, approved)| {
            let change = sold(0, at, currency, revenue_minor);
            changed(ConversionChange {
                company,
                conversions,
                partner: credited.then_some(partner),
                link: credited.then_some(link),
                approved_minor: if approved { change.approved_minor } else { 0 },
                partner_approved_minor: if approved { change.partner_approved_minor } else { 0 },
                ..change
            })
        },
    )
}

/// Facts at offsets of their own, and where blocks end.
fn facts() -> impl Strategy<Value = (Vec<Fact>, Vec<u64>)> {
    let facts = prop::collection::vec(prop_oneof![some_click(), some_change()], 0..60);
    (facts, prop::collection::vec(0_u64..60, 0..6)).prop_map(|(mut facts, mut ends)| {
        for (fact, offset) in facts.iter_mut().zip(0..) {
            let position = Position { partition: 0, offset };
            match fact {
                Fact::Click(click) => click.position = position,
                Fact::Change(change) => change.position = position,
            }
        }
        let all = facts.len() as u64;
        ends.retain(|end| *end < all);
        ends.push(all);
        ends.sort_unstable();
        ends.dedup();
        (facts, ends)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_those_of_the_rows((facts, ends) in facts(), first_day in -7_i32..2, length in 0_i32..9) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        static CASE: AtomicU32 = AtomicU32::new(0);
        let case = CASE.fetch_add(1, Ordering::Relaxed);
        // A server makes a database of its own more slowly than a folder is made.
        let places = Place::all().into_iter().filter(|place| place.folder().is_some() || case.is_multiple_of(4));
        for place in places {
            let from = Day(NOON.day().0 + first_day);
            runtime.block_on(check(&place, &facts, &ends, Days { from, until: Day(from.0 + length) }));
        }
    }
}

async fn check(place: &Place, all: &[Fact], ends: &[u64], days: Days) {
    let mut facts = place.open().await;
    let mut from = 0;
    for to in ends.iter().copied() {
        let rows = all[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec();
        facts.insert(block(from, to, rows.clone())).await.unwrap();
        facts = place.reopen(facts).await;
        facts.insert(block(from, to, rows)).await.unwrap();
        from = to;
    }
    let rows = Rows(all);
    for currency in [Currency::USD, Currency::GBP] {
        for company in 1..=COMPANIES {
            check_company(&facts, &rows, CompanyId(company), days, currency).await;
        }
        for partner in 1..=PARTNERS {
            check_partner(&facts, &rows, PartnerId(partner), days, currency).await;
        }
    }
    for link in 1..=LINKS {
        check_link(&facts, &rows, LinkId(link)).await;
    }
    facts.close().await;
}
