//! Money: balances are their transfers, all of them are zero, and each account holds what the stream says.

use std::collections::{BTreeMap, BTreeSet};

use schemas::accounts::AccountKind;

use super::{Found, add_up, company, partner};
use crate::books::{Account, Books};
use crate::journal::Run;
use crate::stream::{Due, Review};

/// Balances are the transfers' sums, by account and by conversion, and nothing is left over.
pub(super) fn add_up_transfers(books: &Books, found: &mut Found) {
    let mut moved: BTreeMap<(Account, &str), [i64; 1]> = BTreeMap::new();
    let mut of_conversion: BTreeMap<(u128, u8), i64> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for transfer in &books.transfers {
        if !ids.insert((transfer.conversion, transfer.id)) {
            found.say("transfers", format!("{:032x} is there twice", transfer.id));
        }
        if transfer.amount_minor <= 0 {
            found.say("transfers", format!("{:032x} moves {}", transfer.id, transfer.amount_minor));
        }
        for (account, amount) in [(transfer.credit, transfer.amount_minor), (transfer.debit, -transfer.amount_minor)] {
            moved.entry((account, transfer.currency.as_str())).or_insert([0])[0] += amount;
            *of_conversion.entry((transfer.conversion, account.0)).or_default() += amount;
        }
    }
    moved.retain(|_, [amount]| *amount != 0);
    let balances = balances(books);
    found.compare("balances", &balances, &moved);
    let total: i64 = balances.values().map(|[amount]| amount).sum();
    found.check("balances", "the sum of all", total, 0);
    of_conversions(books, &of_conversion, found);
}

/// Each account holds what the stream says.
pub(super) fn compare(runs: &[Run], books: &Books, found: &mut Found) {
    found.compare("balances of the stream", &balances(books), &of_streams(runs));
}

fn balances(books: &Books) -> BTreeMap<(Account, &str), [i64; 1]> {
    add_up(books.balances.iter().map(|row| ((row.account, row.currency.as_str()), [row.amount_minor])))
}

/// What every account has to hold, worked out from what was sent alone.
fn of_streams(runs: &[Run]) -> BTreeMap<(Account, &'static str), [i64; 1]> {
    let mut parts = Vec::new();
    for run in runs {
        for (lane, order, due) in run.stream.orders() {
            if !due.counts() || !run.journal.orders.contains_key(&order.id) {
                continue;
            }
            let account = &run.accounts[run.stream.lanes[lane].shop];
            let (company, partner) = (company(&account.company), partner(account.partner(lane)));
            let (to_partner, to_platform) = accounts(due);
            parts.push((((AccountKind::Company as u8, company, 0), "USD"), [-due.commission_minor()]));
            parts.push((((to_partner as u8, company, partner), "USD"), [due.partner_minor()]));
            parts.push((((to_platform as u8, company, 0), "USD"), [due.platform_minor()]));
        }
    }
    add_up(parts.into_iter())
}

fn accounts(due: Due) -> (AccountKind, AccountKind) {
    match due.review {
        Review::Pending => (AccountKind::PartnerPending, AccountKind::PlatformPending),
        _ => (AccountKind::PartnerAvailable, AccountKind::PlatformEarned),
    }
}

/// The transfers of each conversion come to what it earns now, and to nothing where nobody earns.
fn of_conversions(books: &Books, moved: &BTreeMap<(u128, u8), i64>, found: &mut Found) {
    const PARTNERS: [AccountKind; 3] =
        [AccountKind::PartnerPending, AccountKind::PartnerAvailable, AccountKind::PartnerPaid];
    const PLATFORMS: [AccountKind; 2] = [AccountKind::PlatformPending, AccountKind::PlatformEarned];
    for conversion in &books.conversions {
        let sum = |kinds: &[AccountKind]| -> i64 {
            kinds.iter().filter_map(|kind| moved.get(&(conversion.id, *kind as u8))).sum()
        };
        let is = (sum(&[AccountKind::Company]), sum(&PARTNERS), sum(&PLATFORMS));
        let rejected = conversion.review == schemas::conversion::ReviewState::Rejected as u8;
        let wanted = if rejected || conversion.partner == 0 {
            (0, 0, 0)
        } else {
            (-conversion.commission_minor, conversion.partner_minor, conversion.platform_minor)
        };
        found.check("transfers", format_args!("{}, company, partner and platform", conversion.label), is, wanted);
    }
    let known: BTreeSet<u128> = books.conversions.iter().map(|conversion| conversion.id).collect();
    for (conversion, _) in moved.keys().filter(|(conversion, _)| !known.contains(conversion)) {
        found.say("transfers", format!("some are of {conversion:032x}, which is not there"));
    }
}
