//! A folder with a deployment of one company and one link, and a processor on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use processor::{Deps, Limits, ProcessError, Stage, Status};
use schemas::{
    code::Code,
    conversion::Standing,
    decision::{EventKind, Outcome},
    event::{Body, Claim, Click, Dialect, Event, Sale},
    hashes::{AddressHash, KeyKind, KeyType},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, ProgramId},
    money::{Currency, Rate},
    receipt::{Receipt, ReceiptFields, ReceiptKey, Visit},
    time::{DAY_MS, Day, TimeMs},
    web::{Device, Page, Utm},
    wire::encode_event,
};
use stores::{
    Deployment, Roles, Shape,
    catalog::{FreshKeys, LinkPartner, NewCompany, NewLink, Payout, PayoutSchedule},
    log::{Class, LogLimits},
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// 2026-06-14T10:00:00Z.
pub(crate) const NOON: TimeMs = TimeMs(1_781_431_200_000);
const COMPANY: CompanyId = CompanyId(1);
const PROGRAM: ProgramId = ProgramId(2);
const CODE: &str = "partner-1";
const PARTITION: u32 = 0;

/// For whatever a test waits for.
const WAIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

/// A day after the clicks, and it stays so.
fn now() -> TimeMs {
    TimeMs(NOON.0 + DAY_MS)
}

pub(crate) struct Place {
    folder: TempDir,
}

pub(crate) struct Road {
    pub(crate) stores: Deployment,
    ids: Arc<AtomicU64>,
    signing: ReceiptKey,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    processor: JoinHandle<Result<(), ProcessError>>,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: TempDir::new().expect("a folder") }
    }

    pub(crate) fn forget_touches(&self) {
        for name in ["touches.db", "touches.db-wal", "touches.db-shm"] {
            let _ = std::fs::remove_file(self.folder.path().join(name));
        }
    }

    pub(crate) async fn open(&self) -> Road {
        let shape = Shape::Embedded { folder: self.folder.path().to_owned() };
        let stores = Deployment::open(&shape, Roles::ALL, LogLimits::default(), now).await.expect("it opens");
        let fresh = FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] };
        stores.catalog.rotate_keys(now(), fresh).await.expect("keys");
        if stores.catalog.company(COMPANY).await.expect("the catalog").is_none() {
            register(&stores).await;
        }
        let signing = stores.catalog.receipt_keys().await.expect("keys").signing(now()).expect("a key");
        // An id of a run is of no other: where the log ends is new each time.
        let ids = Arc::new(AtomicU64::new(stores.log.span(PARTITION).await.expect("the log answers").end << 32));
        let (stop, own_ids) = (CancellationToken::new(), Arc::clone(&ids));
        let (told, status) = watch::channel(Status::default());
        let deps = Deps {
            log: stores.log.clone(),
            touches: stores.touches.clone().expect("an embedded deployment has touches"),
            ledger: stores.ledger.clone(),
            catalog: stores.catalog.clone(),
            facts: stores.facts.clone().expect("an embedded deployment has facts"),
            now,
            event_id: Arc::new(move || EventId(u128::from(own_ids.fetch_add(1, Ordering::Relaxed)))),
            status: told,
        };
        let processor = tokio::spawn(processor::run(deps, Limits::default(), stop.clone()));
        Road { stores, ids, signing, status, stop, processor }
    }
}

async fn register(stores: &Deployment) {
    let person_key = &stores.catalog.secrets().person_key;
    let company = NewCompany {
        id: COMPANY,
        program: PROGRAM,
        name: "Shop".to_owned(),
        domain: "shop.example".to_owned(),
        email: "owner@shop.example".to_owned(),
        email_hash: person_key.email("owner@shop.example"),
        terms: rules::presets::refuel(PROGRAM, Rate(100_000), 30, TimeMs(0)),
        payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 5_000 },
        keys: Vec::new(),
        now: now(),
    };
    stores.catalog.register_company(company).await.expect("a company");
    let email = "partner@example.com";
    let link = NewLink {
        id: link(),
        code: Code::parse(CODE).expect("a code"),
        company: COMPANY,
        partner: LinkPartner::Addressed {
            email: email.to_owned(),
            email_hash: person_key.email(email),
            id_if_new: PartnerId(3),
        },
        destination: "https://shop.example/".to_owned(),
        name: None,
        now: now(),
    };
    stores.catalog.create_link(link).await.expect("a link");
}

fn link() -> LinkId {
    LinkId(Code::parse(CODE).expect("a code").route())
}

impl Road {
    pub(crate) fn click(&self, at: TimeMs) -> Event {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        self.visit(at, false, id | 1 << 63)
    }

    pub(crate) fn click_with_id(&self, at: TimeMs, event_id_hash: u64) -> Event {
        self.visit(at, true, event_id_hash)
    }

    fn visit(&self, at: TimeMs, client_event_id: bool, event_id_hash: u64) -> Event {
        let fields = ReceiptFields {
            visit: Visit::Person,
            client_event_id,
            at,
            link: link(),
            visitor: 0,
            address_cut: event_id_hash,
            event_id_hash,
        };
        self.event(Body::Click(Box::new(Click {
            company: COMPANY,
            program: PROGRAM,
            partner: PartnerId(3),
            code: CODE.to_owned(),
            receipt: Receipt::sign(&self.signing, &fields),
            address: AddressHash(u128::from(event_id_hash) << 64),
            address_before: None,
            landing: Page { host: "shop.example".to_owned(), path: "/".to_owned() },
            referrer_host: None,
            utm: Utm::default(),
            device: Device::Desktop,
        })))
    }

    pub(crate) fn sale(&self, order: &str, occurred_at: Option<TimeMs>) -> Event {
        let id_key = &self.stores.catalog.secrets().id_key;
        let key = id_key.key_hash(COMPANY, KeyKind::Sale, KeyType::Order, order);
        let claim = Claim {
            company: COMPANY,
            dialect: Dialect::Refuel,
            conversion: id_key.conversion_id(COMPANY, key),
            keys: vec![key],
            label: order.to_owned(),
            program: None,
            code_link: Some(link()),
            receipt: None,
            customer: None,
            email: None,
            disposable_email: false,
            occurred_at,
            body_hash: 0,
        };
        self.event(Body::Sale(Box::new(Sale { claim, amount_minor: 9_999, currency: Currency::USD })))
    }

    fn event(&self, body: Body) -> Event {
        Event {
            id: EventId(u128::from(self.ids.fetch_add(1, Ordering::Relaxed))),
            stamped_at: now(),
            resent: false,
            reply_to: None,
            key: None,
            first_appended_at: None,
            body,
        }
    }

    /// Appends an event; where it is a sale, says which conversion it is.
    pub(crate) async fn append(&self, event: Event) -> ConversionId {
        let conversion = match &event.body {
            Body::Sale(sale) => sale.claim.conversion,
            _ => ConversionId(0),
        };
        self.append_bytes(encode_event(event)).await;
        conversion
    }

    pub(crate) async fn append_bytes(&self, record: Vec<u8>) {
        self.stores
            .log
            .enqueue(PARTITION, Class::Conversion, record)
            .expect("there is room")
            .await
            .expect("it is durable");
    }

    pub(crate) async fn decide_all(&self) {
        let end = self.stores.log.span(PARTITION).await.expect("the log answers").end;
        until(async || {
            self.stores.ledger.progress(PARTITION).await.expect("the ledger answers").is_some_and(|at| at.next >= end)
        })
        .await;
    }

    /// Until it stands still before something that it does not know.
    pub(crate) async fn held(&self) {
        until(async || self.status.borrow().owned.get(&PARTITION) == Some(&Stage::Held)).await;
    }

    /// Until facts hold the log before this offset.
    pub(crate) async fn facts_hold(&self, up_to: u64) {
        let held = self.stores.facts.as_ref().expect("there are facts").held();
        until(async || held.borrow().up_to(PARTITION) >= up_to).await;
    }

    pub(crate) async fn settled(&self, conversion: ConversionId) {
        until(async || self.standing(conversion).await != Standing::Parked).await;
    }

    pub(crate) async fn standing(&self, conversion: ConversionId) -> Standing {
        self.stores.ledger.conversion(conversion).await.expect("the ledger answers").expect("it was decided").standing
    }

    pub(crate) async fn counted_clicks(&self) -> i64 {
        let outcomes = self.stores.ledger.outcomes(COMPANY, Day(0), now().day()).await.expect("the ledger answers");
        let counted = outcomes.iter().filter(|row| (row.kind, row.outcome) == (EventKind::Click, Outcome::Counted));
        counted.map(|row| row.n).sum()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.processor.await.expect("it does not panic").expect("it finishes");
        self.stores.close().await;
    }
}

async fn until(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(WAIT, waiting).await.expect("what was waited for came");
}
