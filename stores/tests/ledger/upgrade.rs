//! A file that an earlier version made is brought up to date when it is opened, with all that is in it.

use std::path::Path;

use rules::Effect;
use rusqlite::Connection;
use schemas::{
    accounts::Account,
    ids::{ConversionId, PartnerId},
};
use stores::{OpenError, ledger::Ledger};

use crate::{
    Owned, Variant,
    money::{check_append_only, check_books},
    place::DEPLOYMENT,
    samples::{COMPANY, PARTNER, conversion, put, transfer},
};

mod migrations {
    refinery::embed_migrations!("../schemas/sql/ledger");
}

/// Conversions and transfers had no numbers then.
const WITHOUT_NUMBERS: i32 = 2;

const DEBIT: Account = Account::Company(COMPANY);
const CREDIT: Account = Account::PartnerPending(COMPANY, PARTNER);
const OTHER: Account = Account::PartnerPaid(COMPANY, PartnerId(6));

/// The same rows in a file as it was made then.
fn earlier(of: &Path, folder: &Path) -> Connection {
    let mut file = Connection::open(folder.join("ledger.db")).unwrap();
    let then = refinery::Target::Version(WITHOUT_NUMBERS);
    migrations::migrations::runner().set_target(then).run(&mut file).unwrap();
    file.execute("ATTACH ?1 AS now", [of.join("ledger.db").to_str()]).unwrap();
    for table in ["conversions", "transfers", "balances"] {
        let mut columns = file.prepare(&format!("SELECT name FROM pragma_table_info('{table}', 'main')")).unwrap();
        let columns: Vec<String> = columns.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let columns = columns.join(", ");
        // Not in the order of their numbers.
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table} ORDER BY 1 DESC");
        assert!(file.execute(&copy, []).unwrap() > 0, "{table}");
    }
    file.execute("DETACH now", []).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn conversions_and_transfers_without_numbers_get_theirs() {
    let mut owned = Owned::new(Variant::Embedded).await;
    let transfers = [transfer(1, DEBIT, CREDIT, 800), transfer(2, CREDIT, DEBIT, 1), transfer(3, DEBIT, OTHER, 7)];
    let mut effects: Vec<Effect> = (1..=20).map(conversion).map(put).collect();
    effects.extend(transfers.iter().cloned().map(Effect::Post));
    owned.commit(effects).await;
    let folder = owned.place.folder().to_owned();
    owned.ledger.close().await;
    let before = tempfile::tempdir().unwrap();
    drop(earlier(&folder, before.path()));

    let ledger = Ledger::open(before.path(), DEPLOYMENT).unwrap();
    assert_eq!(ledger.transfers_of(ConversionId(1)).await.unwrap(), transfers);
    assert_eq!(ledger.transfers_of(ConversionId(2)).await.unwrap(), []);
    for n in 1..=20 {
        assert_eq!(ledger.conversion(ConversionId(n)).await.unwrap(), Some(conversion(n)));
    }
    check_books(&ledger, transfers.len()).await.unwrap();
    assert_eq!(ledger.balances_of_partner(PARTNER).await.unwrap()[0].amount_minor, 799);
    ledger.close().await;
    check_append_only(&Connection::open(before.path().join("ledger.db")).unwrap(), 808).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn control_a_transfer_of_no_conversion_stops_it_and_is_kept() {
    let mut owned = Owned::new(Variant::Embedded).await;
    owned.commit(vec![put(conversion(1)), Effect::Post(transfer(1, DEBIT, CREDIT, 800))]).await;
    let folder = owned.place.folder().to_owned();
    owned.ledger.close().await;
    let before = tempfile::tempdir().unwrap();
    let file = earlier(&folder, before.path());
    file.execute("DELETE FROM conversions", []).unwrap();
    drop(file);

    assert!(matches!(Ledger::open(before.path(), DEPLOYMENT), Err(OpenError::Migration { .. })));
    let file = Connection::open(before.path().join("ledger.db")).unwrap();
    let kept: i64 = file.query_one("SELECT sum(amount_minor) FROM transfers", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 800);
}
