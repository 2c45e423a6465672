//! Guards left out one at a time, each by a stage that works without it. The same data is in order before.

use rules::Effect;
use rules::touches::Touches;
use schemas::conversion::ReviewState;
use schemas::decision::{EventKind, Outcome};
use schemas::event::Event;
use schemas::ids::ProgramId;
use schemas::money::{Currency, Rate};
use schemas::terms::Terms;
use stores::ledger::{CommitError, Versions};

use super::stage::Stage;
use crate::audit::contradictions;
use crate::books::{Books, settled};
use crate::cluster::{Cluster, Plan};
use crate::hands::{Company, Hands, Link, now, with_budget};
use crate::on_one_thread;
use crate::role::Does;

const PLAN: Plan = Plan { edges: 0, apis: 0, processors: 1, ..Plan::DISTRIBUTED };
const CLICKS: usize = 6;
/// A budget that no test here comes near.
const PLENTY_MINOR: i64 = 1_000_000;

/// What the audit says of a company; of what is in order it says nothing.
async fn said(cluster: &Cluster, of: Company) -> Vec<String> {
    let books = Books::read(cluster).await.expect("books");
    let of = of.id.0.to_string();
    contradictions(&books).into_iter().filter(|wrong| wrong.contains(&of)).collect()
}

async fn in_order(cluster: &Cluster, what: &str) {
    settled(cluster).await.expect("it settles");
    let found = contradictions(&Books::read(cluster).await.expect("books"));
    assert!(found.is_empty(), "{what}: {found:?}");
}

/// A company's link and some clicks of it in the log.
async fn clicked(hands: &Hands) -> Link {
    let of = hands.company(|program| with_budget(program, PLENTY_MINOR)).await;
    let link = hands.link(of, |_| true).await;
    hands.append((0..CLICKS).map(|_| hands.click(&link, hands.receipt(&link))).collect()).await;
    link
}

/// Each is about what was decided once and then again.
#[test]
fn what_is_decided_twice_is_seen() {
    on_one_thread(async {
        let mut cluster = Cluster::start(PLAN).await;
        let hands = Hands::on(&cluster).await;
        let good = clicked(&hands).await;
        in_order(&cluster, "no guard is missing").await;
        offset_apart(&mut cluster, &hands, &good).await;
        no_epoch(&mut cluster, &hands).await;
        copies_count(&mut cluster, &hands).await;
        hands.close().await;
    });
}

/// Decisions are committed, and the process ends before it commits how far it is.
async fn offset_apart(cluster: &mut Cluster, hands: &Hands, good: &Link) {
    cluster.stop_all(Does::Process).await;
    let link = clicked(hands).await;
    let stage = Stage::take(hands, hands.partition(link.id)).await;
    let mut known = stage.known(&[&link]).await;
    let effects = stage.decide(&mut known, &stage.read().await);
    stage.commit(&[], effects, Versions::default()).await.expect("committed");
    cluster.start_all(Does::Process).await;
    settled(cluster).await.expect("it settles");
    let found = said(cluster, link.of).await;
    assert!(found.iter().any(|wrong| wrong.contains("outcomes")), "an offset committed apart: {found:?}");
    assert_eq!(said(cluster, good.of).await, [""; 0], "and nothing else is wrong");
}

/// An owner that was replaced commits what its successor has decided too.
async fn no_epoch(cluster: &mut Cluster, hands: &Hands) {
    cluster.stop_all(Does::Process).await;
    let link = clicked(hands).await;
    let zombie = Stage::take(hands, hands.partition(link.id)).await;
    let mut known = zombie.known(&[&link]).await;
    let events = zombie.read().await;
    let effects = zombie.decide(&mut known, &events);
    cluster.start_all(Does::Process).await;
    settled(cluster).await.expect("it settles");
    let refused = zombie.commit(&events, effects.clone(), Versions::default()).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    assert_eq!(said(cluster, link.of).await, [""; 0], "the guard is there");
    zombie.commit_unchecked(effects).await;
    let found = said(cluster, link.of).await;
    assert!(found.iter().any(|wrong| wrong.contains("outcomes")), "an epoch that is not checked: {found:?}");
}

/// Records that an edge sent again are no events of their own.
async fn copies_count(cluster: &mut Cluster, hands: &Hands) {
    let of = hands.company(|program| with_budget(program, PLENTY_MINOR)).await;
    let link = hands.link(of, |_| true).await;
    let again = |event: Event| [event.clone(), Event { resent: true, ..event }];
    let click = Event { resent: true, ..hands.click(&link, hands.receipt(&link)) };
    hands.append(again(click).into()).await;
    hands.append(again(hands.sale(of, "copied", 1_000, Some(&link), None)).into()).await;
    settled(cluster).await.expect("it settles");
    assert_eq!(said(cluster, of).await, [""; 0], "a copy is nothing");
    let stage = Stage::take(hands, hands.partition(link.id)).await;
    let (kind, outcome) = (EventKind::Sale, Outcome::Duplicate);
    let count = Effect::Count { company: of.id, kind, outcome, day: now().day(), by: 1 };
    stage.commit_unchecked(vec![count]).await;
    let found = said(cluster, of).await;
    assert!(found.iter().any(|wrong| wrong.contains("outcomes")), "a copy counted as a duplicate: {found:?}");
}

const VALUE_MINOR: i64 = 1_000;
const BUDGET_MINOR: i64 = 150;

/// One sale is decided by the product, and the other by a stage that had looked before.
#[test]
fn a_batch_on_rows_that_have_changed_or_come_is_seen() {
    on_one_thread(async {
        let mut cluster = Cluster::start(PLAN).await;
        let hands = Hands::on(&cluster).await;
        for seeded in [true, false] {
            on_stale_rows(&mut cluster, &hands, seeded).await;
        }
        hands.close().await;
    });
}

async fn on_stale_rows(cluster: &mut Cluster, hands: &Hands, seeded: bool) {
    let terms = |program: ProgramId| -> Terms { with_budget(program, BUDGET_MINOR) };
    let of = hands.company(terms).await;
    let [left, right] = hands.two_links(of).await;
    hands.append([&left, &right].map(|link| hands.click(link, hands.receipt(link))).into()).await;
    let spent_before = if seeded { VALUE_MINOR / 100 } else { 0 };
    if seeded {
        hands.append(vec![hands.sale(of, "seed", VALUE_MINOR / 10, Some(&left), None)]).await;
    }
    settled(cluster).await.expect("it settles");
    let budget = (of.program, Currency::USD);
    let version = if seeded { version_of_budget(cluster, of).await } else { 0 };
    hands.append(vec![hands.sale(of, "left", VALUE_MINOR, Some(&left), None)]).await;
    settled(cluster).await.expect("it settles");
    let overspent = async || spent(cluster, of).await > BUDGET_MINOR;
    assert!(said(cluster, of).await.is_empty() && !overspent().await, "nothing is wrong yet");

    cluster.stop_all(Does::Process).await;
    hands.append(vec![hands.sale(of, "right", VALUE_MINOR, Some(&right), None)]).await;
    let partition = hands.partition(right.id);
    let stage = Stage::take(hands, partition).await;
    let mut known = stage.known(&[&right]).await;
    known.touches = hands.stores.touches.as_ref().expect("touches").load(partition).await.expect("loaded").touches;
    known.budgets.extend(seeded.then_some((budget, spent_before)));
    let events = stage.read().await;
    let effects = stage.decide(&mut known, &events);
    let relied_on = Versions { budgets: [(budget, version)].into(), ..Versions::default() };
    let refused = stage.commit(&events, effects.clone(), relied_on).await;
    assert!(matches!(refused, Err(CommitError::Conflict(_))), "{refused:?}");
    stage.commit(&events, effects, Versions::default()).await.expect("committed");
    cluster.start_all(Does::Process).await;
    settled(cluster).await.expect("it settles");
    assert!(spent(cluster, of).await > BUDGET_MINOR, "seeded {seeded}: the check of pairs sees an overspent budget");
}

async fn spent(cluster: &Cluster, of: Company) -> i64 {
    budget(cluster, of, "spent_minor").await
}

async fn version_of_budget(cluster: &Cluster, of: Company) -> u64 {
    budget(cluster, of, "version").await.cast_unsigned()
}

async fn budget(cluster: &Cluster, of: Company, column: &str) -> i64 {
    let ask = format!("SELECT {column} FROM ledger.budgets WHERE program = {}", of.program.0);
    cluster.place().sql(&ask).await.expect("a budget")[0][0].parse().expect("a number")
}

/// Twice as many from one address within an hour would be looked at by a person.
const FROM_ONE_ADDRESS: usize = 12;

/// The address alone is enough for it, however long after the clicks the sale comes.
fn reviewed_for_velocity(program: ProgramId) -> Terms {
    let mut terms = with_budget(program, PLENTY_MINOR);
    terms.fraud.review_from = Rate(400_000);
    terms
}

/// Clicks are remembered, and the batch that they are of is not committed.
#[test]
fn touches_changed_before_the_commit_are_seen() {
    on_one_thread(async {
        let mut cluster = Cluster::start(PLAN).await;
        let hands = Hands::on(&cluster).await;
        for remembers_first in [false, true] {
            let of = hands.company(reviewed_for_velocity).await;
            let link = hands.link(of, |_| true).await;
            cluster.stop_all(Does::Process).await;
            let address = hands.number();
            let click = |_| hands.click(&link, hands.receipt_of(link.id, address));
            hands.append((0..FROM_ONE_ADDRESS).map(click).collect()).await;
            if remembers_first {
                remember_first(&hands, &link).await;
            }
            cluster.start_all(Does::Process).await;
            hands.append(vec![hands.sale(of, "looked at", 1_000, Some(&link), None)]).await;
            settled(&cluster).await.expect("it settles");
            let books = Books::read(&cluster).await.expect("books");
            let sale = books.conversions.iter().find(|row| row.company == of.id.0).expect("the sale");
            let is_reviewed = sale.review == ReviewState::Pending as u8;
            assert_eq!(is_reviewed, remembers_first, "{sale:?}");
        }
        hands.close().await;
    });
}

async fn remember_first(hands: &Hands, link: &Link) {
    let partition = hands.partition(link.id);
    let store = hands.stores.touches.as_ref().expect("touches");
    let mut touches: Touches = store.load(partition).await.expect("loaded").touches;
    let stage = Stage::take(hands, partition).await;
    let mut known = stage.known(&[link]).await;
    for effect in stage.decide(&mut known, &stage.read().await) {
        if let Effect::Remember { link, touch, .. } = effect {
            touches.remember(link, touch);
        }
    }
    store.save_all(partition, stage.taken.epoch, stage.next(), &touches).await.expect("saved");
}
