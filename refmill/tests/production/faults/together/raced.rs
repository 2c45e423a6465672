//! Events put into two partitions' logs at one moment, without an edge between: leads, which no path of the house takes, and
//! the last of a budget. Each pair must end as if one of the two had come after the other.

use std::collections::BTreeMap;

use schemas::event::Event;
use schemas::route;

use super::{AT_ONCE, PAIRS};
use crate::audit::{contradictions, shown};
use crate::books::{Books, Conversion, settled};
use crate::cluster::{Cluster, Plan};
use crate::hands::{Company, Hands, Link, by_lead, with_budget};
use crate::role::Does;
use crate::{on_one_thread, rounds};

/// What a sale of a pair comes to, and of which the commission is a tenth.
const VALUE_MINOR: i64 = 1_000;
/// Enough for one and a half of them.
const BUDGET_MINOR: i64 = 150;
const ATTRIBUTED: u8 = 1;
/// Below 20 sales of a code in an hour, where a signal of its own fires.
const PAIRS_A_CODE: usize = 4;

/// Two events that race, and who may win them.
struct Pair {
    events: [Event; 2],
    labels: [String; 2],
    contested: Contested,
}

enum Contested {
    /// Of this program.
    Budget(Company),
    /// The same partner has both, and it is one of these.
    Customer([u64; 2]),
    /// The lead's partner has the sale, whichever came first.
    Lead(u64),
}

#[test]
fn budgets_customers_and_leads_on_two_partitions_at_once() {
    let pairs = rounds("REFMILL_PAIRS", PAIRS);
    on_one_thread(async {
        let cluster = Cluster::start(Plan { partitions: 8, edges: 0, ..Plan::DISTRIBUTED }).await;
        let hands = Hands::on(&cluster).await;
        let mut raced = Vec::new();
        let mut scene = Scene::default();
        for first in (0..pairs).step_by(AT_ONCE) {
            let mut now = Vec::new();
            for pair in first..pairs.min(first + AT_ONCE) {
                now.extend(scene.pairs(&hands, pair).await);
            }
            hands.append(std::mem::take(&mut scene.clicks)).await;
            let (left, right): (Vec<Event>, Vec<Event>) = now.iter().map(|pair| pair.events.clone().into()).unzip();
            hands.append(left.into_iter().chain(right).collect()).await;
            raced.extend(now);
        }
        settled(&cluster).await.expect("it settles");
        hands.close().await;
        let books = Books::read(&cluster).await.expect("books");
        let wrong = wrong(&cluster, &books, &raced).await;
        let (again, waited) = (conflicts(&cluster).await, parked_first(&books));
        eprintln!("{pairs} pairs each: {again} batches decided again, {waited} sales waited for their lead");
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), shown(&wrong));
        assert!(again > 0, "no batch was in another's way: this proves nothing");
    });
}

/// Companies and links of the pairs that are made, and clicks that are to come before them.
#[derive(Default)]
struct Scene {
    of_leads: Option<Company>,
    links: Vec<[Link; 2]>,
    clicks: Vec<Event>,
}

impl Scene {
    /// One pair of each kind.
    async fn pairs(&mut self, hands: &Hands, pair: usize) -> [Pair; 3] {
        let budget = self.budget(hands, pair).await;
        let of = match self.of_leads {
            Some(of) => of,
            None => hands.company(by_lead).await,
        };
        self.of_leads = Some(of);
        if pair / PAIRS_A_CODE >= self.links.len() {
            let links = hands.two_links(of).await;
            self.clicks.extend(links.iter().map(|link| hands.click(link, hands.receipt(link))));
            self.links.push(links);
        }
        let links = &self.links[pair / PAIRS_A_CODE];
        [budget, customer(hands, of, links, pair), lead(hands, of, &links[0], pair)]
    }

    async fn budget(&mut self, hands: &Hands, pair: usize) -> Pair {
        let of = hands.company(|program| with_budget(program, BUDGET_MINOR)).await;
        let links = hands.two_links(of).await;
        self.clicks.extend(links.iter().map(|link| hands.click(link, hands.receipt(link))));
        let labels = [format!("budget-left-{pair}"), format!("budget-right-{pair}")];
        let sale = |side: usize| hands.sale(of, &labels[side], VALUE_MINOR, Some(&links[side]), None);
        Pair { events: [sale(0), sale(1)], labels, contested: Contested::Budget(of) }
    }
}

fn customer(hands: &Hands, of: Company, links: &[Link; 2], pair: usize) -> Pair {
    let labels = [format!("customer-left-{pair}"), format!("customer-right-{pair}")];
    let who = format!("customer-{pair}");
    let sale = |side: usize| hands.sale(of, &labels[side], VALUE_MINOR, Some(&links[side]), Some(&who));
    let partners = [links[0].partner.0, links[1].partner.0];
    Pair { events: [sale(0), sale(1)], labels, contested: Contested::Customer(partners) }
}

/// The lead where its code's clicks are, and the sale where its customer is, which is elsewhere.
fn lead(hands: &Hands, of: Company, link: &Link, pair: usize) -> Pair {
    let labels = [format!("lead-{pair}"), format!("led-{pair}")];
    let partitions = hands.stores.log.partitions();
    let customers = (0..).map(|n| format!("led-customer-{pair}-{n}"));
    let events = customers.map(|who| {
        let lead = hands.lead(of, &labels[0], Some(link), Some(&who));
        [lead, hands.sale(of, &labels[1], VALUE_MINOR, None, Some(&who))]
    });
    let elsewhere =
        |events: &[Event; 2]| route::home(&events[0].body, partitions) != route::home(&events[1].body, partitions);
    let events = events.into_iter().find(elsewhere).expect("some customer is elsewhere");
    Pair { events, labels, contested: Contested::Lead(link.partner.0) }
}

async fn wrong(cluster: &Cluster, books: &Books, raced: &[Pair]) -> Vec<String> {
    let mut by_label: BTreeMap<&str, Vec<&Conversion>> = BTreeMap::new();
    for row in &books.conversions {
        by_label.entry(&row.label).or_default().push(row);
    }
    let spent = spent(cluster).await;
    let mut wrong = contradictions(books);
    for pair in raced {
        let rows: Vec<&Conversion> = pair.labels.iter().flat_map(|label| by_label[label.as_str()].clone()).collect();
        let [left, right] = rows[..] else {
            wrong.push(format!("{:?} are there {} times", pair.labels, rows.len()));
            continue;
        };
        let both = left.standing == ATTRIBUTED && right.standing == ATTRIBUTED;
        let is_well = match &pair.contested {
            Contested::Budget(of) => {
                let each = [left.commission_minor, right.commission_minor];
                let share = VALUE_MINOR / 10;
                let in_turn = [[share, BUDGET_MINOR - share], [BUDGET_MINOR - share, share]];
                both && in_turn.contains(&each) && spent.get(&of.program.0) == Some(&BUDGET_MINOR)
            }
            Contested::Customer(of) => both && left.partner == right.partner && of.contains(&left.partner),
            Contested::Lead(of) => both && left.partner == *of && right.partner == *of,
        };
        if !is_well {
            wrong.push(format!("not one after the other: {left:?} {right:?}"));
        }
    }
    wrong
}

/// By program.
async fn spent(cluster: &Cluster) -> BTreeMap<u64, i64> {
    let rows = cluster.place().sql("SELECT program, spent_minor FROM ledger.budgets").await.expect("budgets");
    let number = |text: &str| text.parse::<i64>().expect("a number");
    rows.iter().map(|row| (number(&row[0]).cast_unsigned(), number(&row[1]))).collect()
}

/// Batches that found a row changed that they had been decided on.
pub(crate) async fn conflicts(cluster: &Cluster) -> u64 {
    let mut sum = 0;
    for number in cluster.those(Does::Process) {
        sum += cluster.roles[number].count("refmill_batches_in_conflict_total").await;
    }
    sum
}

/// Sales that were decided by a settle: they have more records of theirs in the log than the one that brought them.
fn parked_first(books: &Books) -> usize {
    books.log.iter().filter(|logged| logged.kind.is_none() && logged.company != 0).count()
}
