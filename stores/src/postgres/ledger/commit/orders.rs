//! What nearly every batch of orders leaves, in one statement.

use std::collections::BTreeSet;

use rules::known::Ident;
use schemas::conversion::Conversion;

use super::{
    Pace, counts, facts,
    folded::Folded,
    money,
    steps::Steps,
    together::{Part, Together},
};
use crate::{
    StoreError,
    ledger::{Batch, sums::Sums},
    postgres::ledger::{conversion_row, replies},
};

/// Beside conversions and money.
static BESIDE: Together = Together::new();

/// With them, where all of them are new.
static WITH_MONEY: Together = Together::new();

/// From how many that have something to do on they go together.
const FEW: usize = 3;

/// What hangs on nothing that is found.
pub(super) fn beside(steps: &mut Steps, batch: &Batch, folded: &Folded) {
    let nobody = BTreeSet::new();
    write(steps, parts(batch, folded, &nobody), &BESIDE);
}

/// All at once of a batch whose conversions and transfers are new, with what they add up to.
pub(super) fn with_money(
    steps: &mut Steps,
    batch: &Batch,
    folded: &Folded,
    new: &[&Conversion],
    sums: &Sums,
) -> Result<(), StoreError> {
    let mut parts = parts(batch, folded, &strangers(batch));
    let no_transfers = folded.transfers.is_empty();
    let mut part = |name, is_empty, ask| parts.push(Part { name, ask, is_empty });
    part("conversions", new.is_empty(), conversion_row::insert(new)?);
    part("transfers", no_transfers, money::post(&folded.transfers, Pace::Fast));
    part("statuses", sums.statuses.is_empty(), counts::statuses(batch.partition, sums));
    part("totals", sums.totals.is_empty(), counts::totals(batch.partition, sums));
    part("balances", no_transfers, money::balances(batch.partition, folded.transfers.values())?);
    write(steps, parts, &WITH_MONEY);
    Ok(())
}

/// Customers whom nobody knew before, so that they have used no click.
fn strangers(batch: &Batch) -> BTreeSet<u128> {
    let absent = batch.relied_on.idents.iter().filter(|(_, version)| **version == 0);
    let hash = |ident| match ident {
        Ident::Customer(hash) => hash.0,
        Ident::Email(hash) => hash.0,
    };
    absent.map(|((_, ident), _)| hash(*ident)).collect()
}

fn parts(batch: &Batch, folded: &Folded, strangers: &BTreeSet<u128>) -> Vec<Part> {
    let (first, clicks): (Vec<_>, Vec<_>) =
        folded.clicks.iter().partition(|(_, customer)| strangers.contains(customer));
    let (partition, from) = (batch.partition, batch.from);
    let no_sales = folded.link_sales.is_empty();
    let mut parts = Vec::new();
    let mut part = |name, is_empty, ask| parts.push(Part { name, ask, is_empty });
    part("published", batch.published.is_none(), replies::forget(partition, batch.published));
    part("replies", folded.replies.is_empty(), facts::replies(partition, from, &folded.replies));
    part("changes", folded.changes.is_empty(), facts::changes(partition, from, &folded.changes));
    part("first_clicks", first.is_empty(), facts::first_clicks(&first));
    part("clicks", clicks.is_empty(), facts::clicks(&clicks));
    part("outcomes", folded.outcomes.is_empty(), counts::outcomes(partition, &folded.outcomes));
    part("values", folded.values.is_empty(), counts::values(partition, batch.appended_at, &folded.values));
    part("link_sales", no_sales, counts::link_sales(partition, &folded.link_sales));
    part("pruned", no_sales, counts::pruned(partition));
    parts
}

/// Few go one by one: each part costs something even where it has nothing to do. Sales of links are counted and pruned in one.
fn write(steps: &mut Steps, parts: Vec<Part>, together: &'static Together) {
    let busy = parts.iter().filter(|part| !part.is_empty).count();
    let counts_sales = parts.iter().any(|part| part.name == "pruned" && !part.is_empty);
    if busy >= FEW || counts_sales {
        steps.push(together.ask(parts));
    } else {
        parts.into_iter().filter(|part| !part.is_empty).for_each(|part| steps.push(part.ask));
    }
}
