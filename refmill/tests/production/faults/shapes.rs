//! One stream through both shapes, an event after the other: the same decisions, balances and facts, row by row.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::audit;
use crate::books::Books;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::journal::Run;
use crate::on_one_thread;
use crate::role::LONG_DECISION_WAIT_MS;
use crate::stream::Stream;

#[test]
fn both_shapes_decide_the_same() {
    let (embedded, distributed) = on_one_thread(async { (told(Plan::EMBEDDED).await, told(Plan::DISTRIBUTED).await) });
    let only = |here: &BTreeSet<String>, there: &BTreeSet<String>| {
        here.difference(there).take(20).cloned().collect::<Vec<_>>().join("\n")
    };
    assert!(embedded.len() > 300, "{} rows are compared", embedded.len());
    assert!(
        embedded == distributed,
        "only embedded:\n{}\nonly distributed:\n{}",
        only(&embedded, &distributed),
        only(&distributed, &embedded)
    );
}

async fn told(plan: Plan) -> BTreeSet<String> {
    let mut cluster = Cluster::prepare(plan).await;
    for number in 0..cluster.roles.len() {
        cluster.roles[number].set("--decision-wait-ms", LONG_DECISION_WAIT_MS);
        cluster.start_role(number).await;
    }
    let load = Load::begin(&cluster, Stream::new(81, 18, 12)).await;
    for step in 1..=load.steps() {
        load.let_pass(1);
        load.until(step).await;
    }
    let run = load.finish().await;
    let books = audit(&cluster, std::slice::from_ref(&run)).await;
    rows(&run, &books)
}

/// Everything by names that are the same in both: ids are drawn and positions depend on the partitions.
fn rows(run: &Run, books: &Books) -> BTreeSet<String> {
    let names = Names::of(run, books);
    let mut rows: Vec<String> = Vec::new();
    for row in &books.conversions {
        let money = (row.amount_minor, row.refunded_minor, row.commission_minor, row.partner_minor, row.platform_minor);
        let state = (row.kind, row.standing, row.review, row.house_status, &row.currency);
        rows.push(format!(
            "conversion {} {} {money:?} {state:?} {}",
            row.label,
            names.of_id(row.partner),
            signals(&row.signals)
        ));
    }
    let mut balances: BTreeMap<String, i64> = BTreeMap::new();
    for row in &books.balances {
        let (kind, company, partner) = row.account;
        let account = format!("{kind} {} {} {}", names.of_id(company), names.of_id(partner), row.currency);
        *balances.entry(account).or_default() += row.amount_minor;
    }
    rows.extend(balances.into_iter().map(|(account, amount)| format!("balance {account} {amount}")));
    for row in &books.facts.clicks {
        let of = (names.of_id(row.company), names.of_id(row.partner));
        rows.push(format!("click {} {of:?} {} {}", row.path, row.outcome, row.source));
    }
    for row in &books.facts.changes {
        let sums = (row.conversions, row.revenue_minor, row.commission_minor, row.approved_minor);
        let parts = (row.partner_minor, row.partner_approved_minor, names.of_id(row.partner));
        rows.push(format!("change {} {} {sums:?} {parts:?}", names.orders[&row.conversion], row.kind));
    }
    for (company, kind, outcome, n) in outcomes(books) {
        rows.push(format!("outcome {} {kind} {outcome} {n}", names.of_id(company)));
    }
    // What is there several times has to be there as often.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    rows.into_iter()
        .map(|row| {
            let times = seen.entry(row.clone()).or_default();
            *times += 1;
            format!("{row} ({times})")
        })
        .collect()
}

fn outcomes(books: &Books) -> Vec<(u64, u8, u8, i64)> {
    let mut sums: BTreeMap<(u64, u8, u8), i64> = BTreeMap::new();
    for (company, kind, outcome, n) in &books.outcomes {
        *sums.entry((*company, *kind, *outcome)).or_default() += n;
    }
    sums.into_iter().filter(|(_, n)| *n != 0).map(|((company, kind, outcome), n)| (company, kind, outcome, n)).collect()
}

/// Whether a sale came within seconds of its click depends on the machine.
fn signals(of: &str) -> String {
    of.split(|c: char| !(c.is_ascii_alphabetic() || c == '_'))
        .filter(|name| !name.is_empty() && *name != "too_fast")
        .collect::<Vec<_>>()
        .join(" ")
}

struct Names {
    accounts: BTreeMap<u64, String>,
    orders: BTreeMap<u128, String>,
}

impl Names {
    fn of(run: &Run, books: &Books) -> Names {
        let mut accounts = BTreeMap::from([(0, "nobody".to_owned())]);
        for (shop, account) in run.accounts.iter().enumerate() {
            accounts.insert(crate::audit::company(&account.company), format!("shop-{shop}"));
            for lane in account.links.keys() {
                accounts.insert(crate::audit::partner(account.partner(*lane)), format!("partner-{lane}"));
            }
        }
        Names { accounts, orders: books.conversions.iter().map(|row| (row.id, row.label.clone())).collect() }
    }

    fn of_id(&self, id: u64) -> &str {
        self.accounts.get(&id).map_or("unknown", String::as_str)
    }
}
