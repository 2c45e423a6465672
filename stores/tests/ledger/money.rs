//! Transfers are never changed, posting twice is posting once, and balances are what transfers add up to.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use rules::Effect;
use rusqlite::Connection;
use schemas::{
    accounts::{Account, Transfer},
    ids::{CompanyId, ConversionId, PartnerId},
    money::Currency,
};
use stores::ledger::{Balance, Books, Ledger};

use crate::{
    Owned, Variant,
    samples::{COMPANY, PARTNER, conversion, put, transfer},
    variants,
};

fn accounts() -> impl Strategy<Value = Account> {
    let company = prop_oneof![Just(COMPANY), Just(CompanyId(2))];
    let partner = prop_oneof![Just(PARTNER), Just(PartnerId(u64::MAX))];
    (0..6, company, partner).prop_map(|(kind, company, partner)| match kind {
        0 => Account::Company(company),
        1 => Account::PartnerPending(company, partner),
        2 => Account::PartnerAvailable(company, partner),
        3 => Account::PartnerPaid(company, partner),
        4 => Account::PlatformPending(company),
        _ => Account::PlatformEarned(company),
    })
}

/// Few conversions and few ids, so that many are posted again.
fn transfers() -> impl Strategy<Value = Transfer> {
    let accounts = (accounts(), accounts()).prop_filter("two accounts", |(debit, credit)| debit != credit);
    let currency = prop_oneof![Just(Currency::USD), Just(Currency::GBP)];
    (0_u128..200, accounts, 1_i64..1_000_000_000_000, currency).prop_map(
        |(id, (debit, credit), amount_minor, currency)| Transfer {
            conversion: ConversionId(id % 7),
            currency,
            ..transfer(id, debit, credit, amount_minor)
        },
    )
}

type Balances = BTreeMap<(Account, Currency), i64>;

/// Recounted without the ledger: of each id only what came first.
fn recount<'a>(posted: impl Iterator<Item = &'a Transfer>) -> (Balances, usize) {
    let (mut balances, mut known) = (Balances::new(), BTreeSet::new());
    for transfer in posted.filter(|transfer| known.insert(transfer.id)) {
        *balances.entry((transfer.debit, transfer.currency)).or_default() -= transfer.amount_minor;
        *balances.entry((transfer.credit, transfer.currency)).or_default() += transfer.amount_minor;
    }
    (balances, known.len())
}

async fn balances_by_reading(ledger: &Ledger) -> (Balances, Balances) {
    let as_map = |balances: Vec<Balance>| balances.into_iter().map(|b| ((b.account, b.currency), b.amount_minor));
    let (mut of_companies, mut of_partners) = (Balances::new(), Balances::new());
    for company in [COMPANY, CompanyId(2)] {
        of_companies.extend(as_map(ledger.balances_of_company(company).await.unwrap()));
    }
    for partner in [PARTNER, PartnerId(u64::MAX)] {
        of_partners.extend(as_map(ledger.balances_of_partner(partner).await.unwrap()));
    }
    (of_companies, of_partners)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn balances_are_what_transfers_add_up_to(batches in vec((vec(transfers(), 0..40), any::<bool>()), 1..6)) {
        for variant in variants() {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let mut owned = Owned::new(variant).await;
                owned.commit((0..7).map(conversion).map(put).collect()).await;
                for (batch, reopen) in &batches {
                    owned.commit(batch.iter().cloned().map(Effect::Post).collect()).await;
                    if *reopen {
                        owned.reopen().await;
                    }
                }
                let (wanted, known) = recount(batches.iter().flat_map(|(batch, _)| batch));
                let (of_companies, of_partners) = balances_by_reading(&owned.ledger).await;
                assert_eq!(of_companies, wanted);
                assert_eq!(of_partners, wanted.into_iter().filter(|((account, _), _)| account.partner().is_some()).collect::<Balances>());
                let mut stored = 0;
                for conversion in 0..7 {
                    stored += owned.ledger.transfers_of(ConversionId(conversion)).await.unwrap().len();
                }
                assert_eq!(stored, known);
                check_books(&owned.ledger, known).await.unwrap();
                owned.close().await;
            });
        }
    }
}

pub(crate) async fn check_books(ledger: &Ledger, transfers: usize) -> Result<(), &'static str> {
    let books = ledger.sum_by_currency().await.unwrap();
    let right = |books: &Books| books.balances_minor == 0 && books.recounted_minor == 0;
    if books.iter().map(|books| books.transfers).sum::<u64>() != transfers as u64 {
        Err("transfers are missing")
    } else if !books.iter().all(right) {
        Err("the books do not sum to zero")
    } else if books.iter().any(|books| books.accounts_that_differ > 0) {
        Err("a balance is not what its transfers add up to")
    } else {
        Ok(())
    }
}

const DEBIT: Account = Account::Company(COMPANY);
const CREDIT: Account = Account::PartnerPending(COMPANY, PARTNER);

#[tokio::test(flavor = "multi_thread")]
async fn control_balances_outside_the_transaction_are_caught() {
    let mut owned = Owned::new(Variant::Embedded).await;
    owned.commit(vec![put(conversion(1)), Effect::Post(transfer(1, DEBIT, CREDIT, 800))]).await;
    let outside = Connection::open(owned.place.folder().join("ledger.db")).unwrap();
    outside.execute("INSERT INTO transfers SELECT number, conversion, x'00000000000000000000000000000002', debit_kind, debit_company, debit_partner, credit_kind, credit_company, credit_partner, amount_minor, currency, reason, event, at_ms FROM transfers", []).unwrap();
    assert_eq!(check_books(&owned.ledger, 2).await, Err("a balance is not what its transfers add up to"));
    owned.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_come_back_as_they_were_posted() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let (first, second) = (transfer(1, DEBIT, CREDIT, 800), transfer(2, CREDIT, DEBIT, 1));
        let posted_again = Transfer { amount_minor: 5, ..first.clone() };
        let posts = [&first, &second, &posted_again].map(|transfer| Effect::Post(transfer.clone()));
        owned.commit([vec![put(conversion(1))], posts.into()].concat()).await;
        owned.commit(vec![Effect::Post(first.clone())]).await;
        assert_eq!(owned.ledger.transfers_of(ConversionId(1)).await.unwrap(), [first, second]);
        assert_eq!(owned.ledger.balances_of_partner(PARTNER).await.unwrap()[0].amount_minor, 799);
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_transfer_is_empty_or_within_one_account() {
    for variant in variants() {
        let owned = Owned::new(variant).await;
        for wrong in [transfer(1, DEBIT, CREDIT, 0), transfer(1, DEBIT, CREDIT, -5), transfer(1, DEBIT, DEBIT, 5)] {
            let batch = owned.batch(vec![put(conversion(1)), Effect::Post(wrong)]);
            assert!(owned.ledger.commit(batch).await.is_err());
        }
        assert_eq!(owned.ledger.progress(0).await.unwrap().unwrap().next, 0);
        assert!(owned.ledger.sum_by_currency().await.unwrap().is_empty());
        owned.close().await;
    }
}

/// What the database itself lets nobody do with transfers that come to so much.
pub(crate) fn check_append_only(outside: &Connection, posted_minor: i64) -> Result<(), &'static str> {
    let replace = "INSERT OR REPLACE INTO transfers SELECT number, conversion, id, debit_kind, debit_company, debit_partner, credit_kind, \
                   credit_company, credit_partner, amount_minor + 1, currency, reason, event, at_ms FROM transfers";
    for (change, wrong) in [
        ("UPDATE transfers SET amount_minor = amount_minor + 1", "a transfer was changed"),
        ("DELETE FROM transfers", "a transfer was deleted"),
        (replace, "a transfer was replaced"),
    ] {
        let changed = outside.execute(change, []).unwrap_or(0);
        if changed > 0 {
            return Err(wrong);
        }
    }
    let left: i64 = outside.query_one("SELECT sum(amount_minor) FROM transfers", [], |row| row.get(0)).unwrap();
    if left == posted_minor { Ok(()) } else { Err("transfers are not what was posted") }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_to_change_a_transfer() {
    let mut owned = Owned::new(Variant::Embedded).await;
    owned.commit(vec![put(conversion(1)), Effect::Post(transfer(1, DEBIT, CREDIT, 800))]).await;
    let outside = Connection::open(owned.place.folder().join("ledger.db")).unwrap();
    check_append_only(&outside, 800).unwrap();
    for (trigger, caught) in [
        ("transfers_are_posted_once", "a transfer was replaced"),
        ("transfers_are_never_changed", "a transfer was changed"),
        ("transfers_are_never_deleted", "a transfer was deleted"),
    ] {
        outside.execute_batch(&format!("BEGIN; DROP TRIGGER {trigger}")).unwrap();
        assert_eq!(check_append_only(&outside, 800), Err(caught), "control: without {trigger}");
        outside.execute_batch("ROLLBACK").unwrap();
    }
    owned.close().await;
}
