//! Orders, their refunds and reviews: each is there once, and is what the stream says.

use std::collections::BTreeMap;

use schemas::conversion::{HouseStatus, ReviewState};

use super::{Found, company, conversion, partner};
use crate::books::{Books, Conversion};
use crate::journal::Run;
use crate::stream::{Due, Review, Step};

/// How the ledger writes that somebody, and that nobody, won it.
const ATTRIBUTED: u8 = 1;
const UNATTRIBUTED: u8 = 2;

pub(super) fn compare(runs: &[Run], books: &Books, found: &mut Found) {
    let mut by_order: BTreeMap<(u64, &str), Vec<&Conversion>> = BTreeMap::new();
    for conversion in &books.conversions {
        by_order.entry((conversion.company, &conversion.label)).or_default().push(conversion);
    }
    for run in runs {
        for (lane, order, due) in run.stream.orders() {
            let account = &run.accounts[run.stream.lanes[lane].shop];
            let rows = by_order.remove(&(company(&account.company), order.id.as_str())).unwrap_or_default();
            let sent = run.journal.orders.get(&order.id);
            match (sent, rows.as_slice()) {
                (None, []) => {}
                (Some(sent), [row]) => {
                    let named = sent.conversion.as_deref().map(conversion);
                    found.check("orders", format_args!("{}, its id", order.id), Some(row.id), named);
                    let won_by = if due.attributed { partner(account.partner(lane)) } else { 0 };
                    one_order(&order.id, due, won_by, row, found);
                }
                _ => {
                    let acknowledged = sent.map_or(0, |sent| sent.acknowledged);
                    let said =
                        format!("{}, acknowledged {acknowledged} times, is there {} times", order.id, rows.len());
                    found.say("orders", said);
                }
            }
        }
    }
    for ((_, label), rows) in by_order {
        found.say("orders", format!("{label} is there {} times and nobody sent it", rows.len()));
    }
    compare_refunds(runs, books, found);
}

fn one_order(order: &str, due: Due, won_by: u64, row: &Conversion, found: &mut Found) {
    let standing = if due.attributed { ATTRIBUTED } else { UNATTRIBUTED };
    found.check("orders", format_args!("{order}, standing"), row.standing, standing);
    found.check("orders", format_args!("{order}, partner"), row.partner, won_by);
    found.check("orders", format_args!("{order}, value"), row.amount_minor, due.value_minor);
    found.check("orders", format_args!("{order}, refunded"), row.refunded_minor, due.refunded_minor);
    let (status, review) = match (due.attributed, due.review) {
        (false, _) => (HouseStatus::Rejected, None),
        (true, Review::NotNeeded) => (HouseStatus::Approved, Some(ReviewState::AutoApproved)),
        (true, Review::Pending) => (HouseStatus::Pending, Some(ReviewState::Pending)),
        (true, Review::Approved) => (HouseStatus::Approved, Some(ReviewState::Approved)),
        (true, Review::Rejected) => (HouseStatus::Rejected, Some(ReviewState::Rejected)),
    };
    found.check("orders", format_args!("{order}, {}, status", row.signals), row.house_status, status as u8);
    if let Some(review) = review {
        found.check("orders", format_args!("{order}, {}, review", row.signals), row.review, review as u8);
    }
    if due.counts() || !due.attributed {
        let is = (row.commission_minor, row.partner_minor, row.platform_minor);
        let wanted = (due.commission_minor(), due.partner_minor(), due.platform_minor());
        found.check("orders", format_args!("{order}, commission and its parts"), is, wanted);
    }
}

fn compare_refunds(runs: &[Run], books: &Books, found: &mut Found) {
    let mut is: BTreeMap<(u64, &str), Vec<(u128, i64)>> = BTreeMap::new();
    for refund in &books.refunds {
        is.entry((refund.company, &refund.label)).or_default().push((refund.conversion, refund.amount_minor));
    }
    let mut wanted = BTreeMap::new();
    for run in runs {
        for lane in &run.stream.lanes {
            let of = company(&run.accounts[lane.shop].company);
            for step in &lane.steps {
                let Step::Refund { order, refund } = step else { continue };
                if !run.journal.refunds.contains_key(&refund.id) {
                    continue;
                }
                let named = run.journal.orders.get(order).and_then(|sent| sent.conversion.as_deref());
                let row = (named.map(conversion).unwrap_or_default(), refund.amount_minor);
                wanted.insert((of, refund.id.as_str()), vec![row]);
            }
        }
    }
    found.compare("refunds", &is, &wanted);
}

/// A sale and a refund have one name here, so each has one key, and no other has it.
pub(super) fn one_key_each(books: &Books, found: &mut Found) {
    let named = books.conversions.iter().map(|row| row.id).chain(books.refunds.iter().map(|row| row.id));
    let mut keys: BTreeMap<u128, usize> = named.map(|id| (id, 0)).collect();
    let mut hashes = BTreeMap::new();
    for key in &books.keys {
        *hashes.entry(key.hash).or_insert(0) += 1;
        match keys.get_mut(&key.conversion) {
            Some(count) => *count += 1,
            None => found.say("keys", format!("one names {:032x}, which is not there", key.conversion)),
        }
    }
    for (id, count) in keys.into_iter().filter(|(_, count)| *count != 1) {
        found.say("keys", format!("{count} name {id:032x}"));
    }
    for (hash, count) in hashes.into_iter().filter(|(_, count)| *count > 1) {
        found.say("keys", format!("{hash:032x} is there {count} times"));
    }
}
