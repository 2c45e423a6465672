//! Batches of a thousand events into the ledger, and of ten, as they come where somebody waits for each: sales with all that follows
//! from one, and clicks. The distributed one is made in a database of its own on the server that REFMILL_TEST_POSTGRES names.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rules::{
    Effect,
    effect::KeyTaken,
    known::{ClickName, Ident, IdentRecord},
};
use schemas::{
    accounts::{Account, Transfer, TransferReason},
    conversion::{Conversion, Maturity, ReviewState, Settlement, Standing},
    decision::{Answer, Converted, Decision, EventKind, Outcome},
    explanation::{Explanation, Parts, Step},
    facts::{ConversionChange, Fact},
    hashes::{CustomerHash, KeyHash, KeyKind},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId, TransferId},
    money::Currency,
    time::{Day, TimeMs},
};
use stores::{
    DeploymentId, Postgres,
    ledger::{Batch, Ledger, LedgerNeeds, Versions},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use url::Url;

const BATCHES: [u64; 2] = [1_000, 10];
const COMPANIES: u64 = 10;
const PARTNERS: u64 = 100;

/// Spreads numbers over the key space, as hashes would.
fn spread(n: u64) -> u128 {
    u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn conversion(n: u64) -> Conversion {
    Conversion {
        id: ConversionId(spread(n)),
        company: CompanyId(n % COMPANIES),
        kind: KeyKind::Sale,
        event: EventId(n.into()),
        position: Position { partition: 0, offset: n },
        program: Some(ProgramId(1)),
        partner: Some(PartnerId(n % PARTNERS)),
        link: Some(LinkId(n % PARTNERS)),
        label: format!("order_{n}"),
        amount_minor: 9_999,
        currency: Currency::USD,
        refunded_minor: 0,
        occurred_at: TimeMs(n as i64),
        taken_at: TimeMs(n as i64),
        standing: Standing::Attributed,
        commission_minor: 1_000,
        partner_minor: 800,
        platform_minor: 200,
        review: ReviewState::AutoApproved,
        maturity: Maturity::Matured,
        settlement: Settlement::Unpaid,
        score_ppm: 0,
        signals: Vec::new(),
        terms_version: 1,
        body_hash: spread(n + 1),
        explanation: Explanation {
            candidates: Vec::new(),
            winner: None,
            policy: "refuel/1".to_owned(),
            terms_version: 1,
            arithmetic: vec![
                Step::Commission {
                    input: 9_999,
                    rate: Some("0.10".to_owned()),
                    exact: Some("999.9".to_owned()),
                    flat: None,
                    result: 1_000,
                },
                Step::Split { fee: "0.20".to_owned(), result: Parts { partner: 800, platform: 200 } },
            ],
            signals: Vec::new(),
            score: None,
            review: "auto_approved".to_owned(),
            facts_up_to: None,
        },
    }
}

fn transfer(c: &Conversion, n: u64, credit: Account, amount_minor: i64, reason: TransferReason) -> Effect {
    Effect::Post(Transfer {
        id: TransferId(spread(2 * n + reason as u64)),
        debit: Account::Company(c.company),
        credit,
        amount_minor,
        currency: c.currency,
        reason,
        conversion: c.id,
        event: c.event,
        at: c.taken_at,
    })
}

fn change(c: &Conversion) -> Effect {
    Effect::Record(Fact::Change(Box::new(ConversionChange {
        position: c.position,
        event: c.event,
        kind: EventKind::Sale,
        conversion: c.id,
        company: c.company,
        program: c.program,
        partner: c.partner,
        link: c.link,
        currency: c.currency,
        at: c.occurred_at,
        changed_at: c.taken_at,
        conversions: 1,
        revenue_minor: c.amount_minor,
        commission_minor: c.commission_minor,
        approved_minor: c.commission_minor,
        partner_minor: c.partner_minor,
        partner_approved_minor: c.partner_minor,
    })))
}

fn reply(c: &Conversion) -> Effect {
    let answer = Answer::Converted(Converted {
        conversion: c.id,
        unattributed: None,
        commission_minor: c.commission_minor,
        partner_minor: c.partner_minor,
        currency: c.currency,
        status: schemas::conversion::HouseStatus::Approved,
        score_ppm: 0,
    });
    Effect::Reply(Decision {
        event: c.event,
        position: c.position,
        reply_to: Some(0),
        company: c.company,
        kind: EventKind::Sale,
        answer,
    })
}

/// Everything that one attributed sale of a known customer comes to.
fn sale(n: u64) -> Vec<Effect> {
    let c = conversion(n);
    let partner = PartnerId(n % PARTNERS);
    let taken = KeyTaken { company: c.company, conversion: c.id, event: c.event, body_hash: c.body_hash };
    let customer = spread(n + 7);
    vec![
        Effect::TakeKey { key: KeyHash(spread(n)), taken },
        Effect::UseClick { click: ClickName { link: LinkId(n % PARTNERS), event_id_hash: n }, customer },
        Effect::CountSale { link: LinkId(n % PARTNERS), at: c.taken_at },
        Effect::NoteValue { company: c.company, currency: c.currency, amount_minor: c.amount_minor },
        Effect::PutIdent {
            company: c.company,
            ident: Ident::Customer(CustomerHash(customer)),
            record: IdentRecord::default(),
        },
        transfer(&c, n, Account::PartnerAvailable(c.company, partner), c.partner_minor, TransferReason::Commission),
        transfer(&c, n, Account::PlatformEarned(c.company), c.platform_minor, TransferReason::Fee),
        change(&c),
        Effect::Count { company: c.company, kind: EventKind::Sale, outcome: Outcome::Attributed, day: Day(1), by: 1 },
        reply(&c),
        Effect::PutConversion(Box::new(c)),
    ]
}

fn click(n: u64) -> Vec<Effect> {
    vec![Effect::Count {
        company: CompanyId(n % COMPANIES),
        kind: EventKind::Click,
        outcome: Outcome::Counted,
        day: Day(1),
        by: 1,
    }]
}

fn batch(epoch: u64, from: u64, size: u64, of: fn(u64) -> Vec<Effect>) -> Batch {
    Batch {
        partition: 0,
        epoch,
        from,
        to: from + size,
        last_event: None,
        appended_at: TimeMs(0),
        relied_on: relied_on(from, size, of),
        effects: (from..from + size).flat_map(of).collect(),
        quarantined: Vec::new(),
        plan: None,
        published: Some(from),
    }
}

/// A sale's key and customer were not there when they were looked up.
fn relied_on(from: u64, size: u64, of: fn(u64) -> Vec<Effect>) -> Versions {
    let mut versions = Versions::default();
    for effect in (from..from + size).flat_map(of) {
        match effect {
            Effect::TakeKey { key, .. } => versions.keys.insert(key, 0),
            Effect::PutIdent { company, ident, .. } => versions.idents.insert((company, ident), 0),
            _ => None,
        };
    }
    versions
}

fn commit(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    for variant in [Variant::Embedded, Variant::Distributed] {
        for (name, of) in [("sales", sale as fn(u64) -> Vec<Effect>), ("clicks", click)] {
            for size in BATCHES {
                commit_batches(criterion, &runtime, variant, (name, of), size);
            }
        }
    }
}

fn commit_batches(
    criterion: &mut Criterion,
    runtime: &Runtime,
    variant: Variant,
    (name, of): (&str, fn(u64) -> Vec<Effect>),
    size: u64,
) {
    let mut group = criterion.benchmark_group(format!("ledger_commit {variant:?}, {size} a batch"));
    group.throughput(Throughput::Elements(size)).sample_size(50);
    let place = runtime.block_on(Place::new(variant));
    let ledger = &place.ledger;
    let epoch = runtime.block_on(ledger.take(0)).expect("a partition can be taken").epoch;
    let mut from = 0;
    group.bench_function(name, |bencher| {
        let next = || {
            from += size;
            batch(epoch, from - size, size, of)
        };
        let commit = |batch| runtime.block_on(ledger.commit(batch)).expect("the batch fits");
        bencher.iter_batched(next, commit, BatchSize::PerIteration);
    });
    if from > 0 {
        println!("committed {from} {name}");
    }
    if name == "sales" {
        group.bench_function("fetch for sales", |bencher| {
            bencher.iter(|| runtime.block_on(ledger.fetch(needs(from, size))).expect("the ledger reads"));
        });
    }
    group.finish();
    runtime.block_on(place.remove());
}

#[derive(Debug, Clone, Copy)]
enum Variant {
    Embedded,
    Distributed,
}

struct Place {
    ledger: Ledger,
    _folder: TempDir,
    database: Option<(Client, String)>,
}

impl Place {
    async fn new(variant: Variant) -> Place {
        let folder = TempDir::new().expect("a folder can be made");
        match variant {
            Variant::Embedded => {
                let ledger = Ledger::open(folder.path(), DeploymentId(1)).expect("a new ledger opens");
                Place { ledger, _folder: folder, database: None }
            }
            Variant::Distributed => {
                let server = std::env::var("REFMILL_TEST_POSTGRES")
                    .expect("start the servers: eval \"$(./scripts/services up)\", or run ./scripts/figures");
                let (client, connection) = tokio_postgres::connect(&server, NoTls).await.expect("the server answers");
                tokio::spawn(connection);
                let name = format!("ledger_bench_{}", std::process::id());
                client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database can be made");
                let mut url = Url::parse(&server).expect("the server has a URL");
                url.set_path(&name);
                let postgres = Postgres::open(url.as_str(), 4).await.expect("the database opens");
                let ledger = Ledger::connect(postgres, DeploymentId(1), 1).await.expect("a new ledger opens");
                Place { ledger, _folder: folder, database: Some((client, name)) }
            }
        }
    }

    async fn remove(self) {
        self.ledger.close().await;
        if let Some((client, name)) = self.database {
            client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("it can be dropped");
        }
    }
}

/// Half of the keys and customers are known.
fn needs(end: u64, size: u64) -> LedgerNeeds {
    let numbers = || end.saturating_sub(size / 2)..end + size / 2;
    LedgerNeeds {
        keys: numbers().map(|n| KeyHash(spread(n))).collect(),
        conversions: numbers().skip(size as usize / 2).map(|n| ConversionId(spread(n))).collect(),
        idents: numbers().map(|n| (CompanyId(n % COMPANIES), Ident::Customer(CustomerHash(spread(n + 7))))).collect(),
        link_sales: (0..PARTNERS.min(size)).map(|n| (LinkId(n), TimeMs(0))).collect(),
        recent_values: (0..COMPANIES.min(size)).map(|n| (CompanyId(n), Currency::USD)).collect(),
        ..LedgerNeeds::default()
    }
}

criterion_group!(benches, commit);
criterion_main!(benches);
