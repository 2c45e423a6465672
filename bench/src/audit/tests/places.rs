//! Writes books into the tables of each store, as the product's own migrations make them.

use std::path::Path;

use tokio_postgres::NoTls;
use url::Url;

use super::{
    books::{Books, Click},
    rows::Spelling,
};
use crate::audit::{clickhouse::ClickHouse, counts::Stores, store::Store};

const LEDGER: [&str; 3] = [
    include_str!("../../../../schemas/sql/ledger/V1__ledger.sql"),
    include_str!("../../../../schemas/sql/ledger/V2__shared_rows.sql"),
    include_str!("../../../../schemas/sql/ledger/V3__numbers.sql"),
];
const FACTS: [&str; 2] = [include_str!("../../../../schemas/sql/facts/V1__facts.sql"), CLICKS_BY_HAND];
/// There `clicks` is a view of rows that have numbers in place of what they repeat.
const CLICKS_BY_HAND: &str = "CREATE TRIGGER clicks_by_hand INSTEAD OF INSERT ON clicks BEGIN
     INSERT OR IGNORE INTO places (link, company, program, partner) VALUES (new.link, new.company, new.program, new.partner);
     INSERT INTO click_rows (id, at, place, outcome, device, event, receipt, landing_host, landing_path)
     SELECT new.log_offset, new.at, id, new.outcome, 0, new.event, new.receipt, new.landing_host, new.landing_path FROM places
     WHERE link = new.link AND company = new.company AND program = new.program AND partner = new.partner; END";
const LEDGER_POSTGRES: &str = include_str!("../../../../schemas/sql/ledger_postgres/V1__ledger.sql");
/// There `changes` is a view of rows that hold a batch's each.
const CHANGES_BY_HAND: &str = "CREATE FUNCTION changes_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO ledger.batch_changes VALUES (new.partition, new.\"offset\", ARRAY[new.\"offset\"], ARRAY[new.event], ARRAY[new.kind],
         ARRAY[new.conversion], ARRAY[new.company], ARRAY[new.program], ARRAY[new.partner], ARRAY[new.link], ARRAY[new.currency],
         ARRAY[new.at_ms], ARRAY[new.changed_at_ms], ARRAY[new.conversions], ARRAY[new.revenue_minor], ARRAY[new.commission_minor],
         ARRAY[new.approved_minor], ARRAY[new.partner_minor], ARRAY[new.partner_approved_minor]);
     RETURN new; END $$;
     CREATE TRIGGER changes_by_hand INSTEAD OF INSERT ON ledger.changes FOR EACH ROW EXECUTE FUNCTION changes_by_hand();";
const FACTS_CLICKHOUSE: &str = include_str!("../../../../schemas/sql/facts_clickhouse/V1__facts.sql");

/// A tick comes when all is decided, and is none of what was sent.
const TICK_MS: u32 = 60_000;

/// Stores with tables.
pub(super) enum Place {
    Embedded(tempfile::TempDir),
    /// A database of this name on both, and a copy of the ledger's in use.
    Servers {
        postgres: Url,
        clickhouse: String,
        name: String,
        copies: u32,
    },
}

impl Place {
    pub(super) fn embedded() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, migrations) in [("ledger.db", &LEDGER[..]), ("facts.db", &FACTS)] {
            let database = open(&folder.path().join(file));
            database.pragma_update(None, "journal_mode", "WAL").expect("WAL");
            migrations.iter().for_each(|migration| database.execute_batch(migration).expect("tables"));
        }
        Place::Embedded(folder)
    }

    pub(super) async fn servers() -> Place {
        let given = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| {
                panic!("start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test: {name} is not set")
            })
        };
        let postgres: Url = given("REFMILL_TEST_POSTGRES").parse().expect("a URL");
        let clickhouse = given("REFMILL_TEST_CLICKHOUSE");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let name = format!("bench_audit_{}_{}", std::process::id(), now.as_nanos());
        postgres_does(&postgres, &format!("CREATE DATABASE {name}")).await;
        ask_clickhouse(&clickhouse, "default", &format!("CREATE DATABASE {name}")).await;
        let tables = format!("CREATE SCHEMA ledger;\n{LEDGER_POSTGRES}\n{CHANGES_BY_HAND}");
        postgres_does(&database(&postgres, &name), &tables).await;
        for statement in FACTS_CLICKHOUSE.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
            ask_clickhouse(&clickhouse, &name, statement).await;
        }
        Place::Servers { postgres, clickhouse, name, copies: 0 }
    }

    /// With an empty ledger. In facts what was written stays, so what is written next has to stand later in the log.
    pub(super) async fn anew(self) -> Place {
        let Place::Servers { postgres, clickhouse, name, copies } = self else { return Place::embedded() };
        let copies = copies + 1;
        postgres_does(&postgres, &format!("CREATE DATABASE {name}_{copies} TEMPLATE {name}")).await;
        Place::Servers { postgres, clickhouse, name, copies }
    }

    pub(super) async fn stores(&self) -> Stores {
        match self {
            Place::Embedded(folder) => Stores {
                log: None,
                ledger: Some(Store::Sqlite(folder.path().join("ledger.db"))),
                facts: Some(Store::Sqlite(folder.path().join("facts.db"))),
                metrics: Vec::new(),
            },
            Place::Servers { postgres, clickhouse, name, copies } => Stores {
                log: None,
                ledger: Some(
                    Store::postgres(database(postgres, &format!("{name}_{copies}")).as_str()).await.expect("Postgres"),
                ),
                facts: Some(Store::ClickHouse(of(clickhouse, name))),
                metrics: Vec::new(),
            },
        }
    }

    /// Adds all rows, as of this day.
    pub(super) async fn write(&self, books: &Books, day: u32) {
        match self {
            Place::Embedded(folder) => {
                let bytes = |hex: String| format!("x'{hex}'");
                let spelling = Spelling { wide: &bytes, bytes: &bytes, is_server: false, day };
                sqlite_does(&folder.path().join("ledger.db"), &spelling.ledger(books));
                sqlite_does(&folder.path().join("facts.db"), &[spelling.facts(books), spelling.sums(books)].concat());
            }
            Place::Servers { postgres, clickhouse, name, copies } => {
                let uuid = |hex: String| format!("'{hex}'::uuid");
                let bytes = |hex: String| format!("'\\x{hex}'::bytea");
                let spelling = Spelling { wide: &uuid, bytes: &bytes, is_server: true, day };
                let copy = database(postgres, &format!("{name}_{copies}"));
                postgres_does(&copy, &spelling.ledger(books).concat()).await;
                let (number, bytes) = (clickhouse_number, clickhouse_bytes);
                let spelling = Spelling { wide: &number, bytes: &bytes, is_server: true, day };
                for statement in spelling.facts(books).iter().chain(&spelling.sums_off(books)) {
                    ask_clickhouse(clickhouse, name, statement).await;
                }
            }
        }
    }

    /// A row once more, in a part of its own that is not merged.
    pub(super) async fn insert_again(&self, click: &Click, day: u32) {
        let Place::Servers { clickhouse, name, .. } = self else { panic!("servers") };
        ask_clickhouse(clickhouse, name, "SYSTEM STOP MERGES clicks").await;
        let (number, bytes) = (clickhouse_number, clickhouse_bytes);
        let spelling = Spelling { wide: &number, bytes: &bytes, is_server: true, day };
        for statement in spelling.facts(&Books { clicks: vec![click.clone()], ..Books::default() }) {
            ask_clickhouse(clickhouse, name, &statement).await;
        }
    }

    /// All of the log is in facts.
    pub(super) async fn plan_all(&self) {
        let Place::Embedded(folder) = self else { panic!("one process") };
        sqlite_does(
            &folder.path().join("ledger.db"),
            &[format!("UPDATE progress SET planned = next, appended_at_ms = appended_at_ms + {TICK_MS}")],
        );
    }

    pub(super) async fn end(self) {
        let Place::Servers { postgres, clickhouse, name, copies } = self else { return };
        ask_clickhouse(&clickhouse, "default", &format!("DROP DATABASE {name} SYNC")).await;
        for copy in 1..=copies {
            postgres_does(&postgres, &format!("DROP DATABASE {name}_{copy} WITH (FORCE)")).await;
        }
        postgres_does(&postgres, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

fn database(server: &Url, name: &str) -> Url {
    let mut url = server.clone();
    url.set_path(name);
    url
}

fn of(clickhouse: &str, database: &str) -> ClickHouse {
    ClickHouse::of(&format!("{}/{database}", clickhouse.trim_end_matches('/'))).expect("ClickHouse's URL")
}

fn clickhouse_number(hex: String) -> String {
    format!("reinterpretAsUInt128(reverse(unhex('{hex}')))")
}

fn clickhouse_bytes(hex: String) -> String {
    format!("unhex('{hex}')")
}

async fn ask_clickhouse(clickhouse: &str, database: &str, statement: &str) {
    let statement = statement.trim_end_matches(";\n");
    let asked = of(clickhouse, database).each(statement, &mut |_| Ok(())).await;
    asked.unwrap_or_else(|error| panic!("{statement}: {error:#}"));
}

async fn postgres_does(url: &Url, statements: &str) {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await.expect("Postgres");
    tokio::spawn(connection);
    let done = client.batch_execute(statements).await;
    done.unwrap_or_else(|error| panic!("{statements}: {error:?}"));
}

/// What a power cut would take is of no matter here.
fn open(file: &Path) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(file).expect("a file");
    database.pragma_update(None, "synchronous", "OFF").expect("no waiting for the disk");
    database
}

fn sqlite_does(file: &Path, statements: &[String]) {
    let mut database = open(file);
    let transaction = database.transaction().expect("a transaction");
    for statement in statements {
        transaction.execute_batch(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    transaction.commit().expect("written");
}
