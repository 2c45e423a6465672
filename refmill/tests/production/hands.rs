//! The stores of a deployment in a test's own hands: companies with any terms, and events as an edge would stamp them,
//! appended without an edge.

use std::sync::atomic::{AtomicU64, Ordering};

use rules::presets;
use schemas::code::Code;
use schemas::event::{Body, Claim, Click, Dialect, Event, Sale};
use schemas::hashes::{AddressHash, KeyKind, KeyType};
use schemas::ids::{CompanyId, EventId, LinkId, PartnerId, ProgramId};
use schemas::money::{Currency, Rate};
use schemas::receipt::{Receipt, ReceiptFields, ReceiptKey, Visit};
use schemas::route;
use schemas::terms::Terms;
use schemas::time::TimeMs;
use schemas::web::{Device, Page, Utm};
use schemas::wire::encode_event;
use stores::catalog::{LinkPartner, NewCompany, NewLink, Payout, PayoutSchedule};
use stores::log::{Class, LogLimits};
use stores::{Deployment, Roles, Shape};

use crate::cluster::{Cluster, REPLY_PARTITIONS};

const DOMAIN: &str = "hands.example";

pub(crate) struct Hands {
    pub(crate) stores: Deployment,
    partitions: u32,
    signing: ReceiptKey,
}

/// A company that has no credentials: only these hands act for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Company {
    pub(crate) id: CompanyId,
    pub(crate) program: ProgramId,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) of: Company,
    pub(crate) id: LinkId,
    pub(crate) partner: PartnerId,
    code: String,
}

pub(crate) fn now() -> TimeMs {
    TimeMs(jiff::Timestamp::now().as_millisecond())
}

impl Hands {
    pub(crate) async fn on(cluster: &Cluster) -> Hands {
        let (place, partitions) = (cluster.place(), cluster.plan.partitions);
        let servers = stores::Servers {
            kafka: place.servers.kafka.clone(),
            redis: place.servers.redis.clone(),
            clickhouse: place.servers.clickhouse.clone(),
            postgres: place.postgres(),
            prefix: place.prefix.clone(),
            partitions,
            reply_partitions: REPLY_PARTITIONS,
            replication: 1,
            session: std::time::Duration::from_secs(6),
            postgres_connections: 4,
        };
        let shape = Shape::Distributed { servers: Box::new(servers), create_topics: false };
        let stores = Deployment::open(&shape, Roles::ALL, LogLimits::default(), now).await.expect("the stores open");
        let keys = stores.catalog.receipt_keys().await.expect("the catalog answers");
        let signing = keys.signing(now()).expect("a key to sign with");
        Hands { stores, partitions, signing }
    }

    pub(crate) async fn close(self) {
        self.stores.close().await;
    }

    pub(crate) async fn company(&self, terms: impl Fn(ProgramId) -> Terms) -> Company {
        let number = self.number();
        let of = Company { id: CompanyId(number), program: ProgramId(number) };
        let email = format!("owner-{number}@{DOMAIN}");
        let company = NewCompany {
            id: of.id,
            program: of.program,
            name: "Acme Store".to_owned(),
            domain: DOMAIN.to_owned(),
            email_hash: self.stores.catalog.secrets().person_key.email(&email),
            email,
            terms: terms(of.program),
            payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 5_000 },
            keys: Vec::new(),
            now: now(),
        };
        self.stores.catalog.register_company(company).await.expect("a company");
        of
    }

    /// A link of a partner of its own, whose code is in a partition that is wanted.
    pub(crate) async fn link(&self, of: Company, wanted: impl Fn(u32) -> bool) -> Link {
        let (code, id) = loop {
            let code = format!("hand-{}", self.number());
            let id = LinkId(Code::parse(&code).expect("a code").route());
            if wanted(route::partition_of_link(id, self.partitions)) {
                break (code, id);
            }
        };
        let (partner, email) = (PartnerId(self.number()), format!("{code}@{DOMAIN}"));
        let email_hash = self.stores.catalog.secrets().person_key.email(&email);
        let link = NewLink {
            id,
            code: Code::parse(&code).expect("a code"),
            company: of.id,
            partner: LinkPartner::Addressed { email, email_hash, id_if_new: partner },
            destination: format!("https://{DOMAIN}/"),
            name: None,
            now: now(),
        };
        self.stores.catalog.create_link(link).await.expect("a link");
        Link { of, id, partner, code }
    }

    /// Two links on two partitions.
    pub(crate) async fn two_links(&self, of: Company) -> [Link; 2] {
        let left = self.link(of, |_| true).await;
        let there = self.partition(left.id);
        let right = self.link(of, |partition| partition != there).await;
        [left, right]
    }

    pub(crate) fn partition(&self, link: LinkId) -> u32 {
        route::partition_of_link(link, self.partitions)
    }

    /// Of somebody new.
    pub(crate) fn receipt(&self, link: &Link) -> Receipt {
        self.receipt_of(link.id, self.number())
    }

    pub(crate) fn receipt_of(&self, link: LinkId, address_cut: u64) -> Receipt {
        let number = self.number();
        Receipt::sign(
            &self.signing,
            &ReceiptFields {
                visit: Visit::Person,
                client_event_id: false,
                at: now(),
                link,
                visitor: 0,
                address_cut,
                event_id_hash: number,
            },
        )
    }

    pub(crate) fn click(&self, link: &Link, receipt: Receipt) -> Event {
        self.event(Body::Click(Box::new(Click {
            company: link.of.id,
            program: link.of.program,
            partner: link.partner,
            code: link.code.as_str().into(),
            receipt,
            address: AddressHash(u128::from(receipt.fields().address_cut) << 64),
            address_before: None,
            landing: Page { host: DOMAIN.into(), path: "/".into() },
            referrer_host: None,
            utm: Utm::default(),
            device: Device::Desktop,
        })))
    }

    pub(crate) fn lead(&self, of: Company, name: &str, link: Option<&Link>, customer: Option<&str>) -> Event {
        self.event(Body::Lead(Box::new(self.claim(of, KeyKind::Lead, name, link, customer))))
    }

    pub(crate) fn sale(
        &self,
        of: Company,
        order: &str,
        amount_minor: i64,
        link: Option<&Link>,
        customer: Option<&str>,
    ) -> Event {
        let claim = self.claim(of, KeyKind::Sale, order, link, customer);
        self.event(Body::Sale(Box::new(Sale { claim, amount_minor, currency: Currency::USD })))
    }

    fn claim(&self, of: Company, kind: KeyKind, name: &str, link: Option<&Link>, customer: Option<&str>) -> Claim {
        let secrets = self.stores.catalog.secrets();
        let key = secrets.id_key.key_hash(of.id, kind, KeyType::Order, name);
        Claim {
            company: of.id,
            dialect: Dialect::Reditus,
            conversion: secrets.id_key.conversion_id(of.id, key),
            keys: vec![key],
            label: name.to_owned(),
            program: Some(of.program),
            code_link: link.map(|link| link.id),
            receipt: None,
            customer: customer.map(|id| secrets.person_key.customer(of.id, id)),
            email: None,
            disposable_email: false,
            occurred_at: None,
            body_hash: 0,
        }
    }

    fn event(&self, body: Body) -> Event {
        Event {
            id: EventId(u128::from(self.number())),
            stamped_at: now(),
            resent: false,
            reply_to: None,
            key: None,
            first_appended_at: None,
            body,
        }
    }

    /// All of these at one moment, each to where an edge sends it; they are durable then.
    pub(crate) async fn append(&self, events: Vec<Event>) {
        let records = events.into_iter().map(|event| {
            let home = route::home(&event.body, self.partitions).expect("an edge knows where it goes");
            (home, encode_event(event))
        });
        let appending =
            self.stores.log.enqueue_many(Class::Conversion, records.collect::<Vec<_>>()).expect("there is room");
        appending.await.expect("it is durable");
    }

    /// One that nobody else draws: no other hands and no edge.
    pub(crate) fn number(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0xf00d << 40);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// A tenth of each sale, by the newest click of the code, as long as the budget lasts.
pub(crate) fn with_budget(program: ProgramId, budget_minor: i64) -> Terms {
    let mut terms = presets::refuel(program, Rate(100_000), 30, TimeMs(0));
    terms.caps.budget_minor = Some(budget_minor);
    terms
}

/// Whoever has the customer's lead has the customer, and a sale before it waits. A lead is decided where its code's clicks are,
/// and a sale without a code where its customer is.
pub(crate) fn by_lead(program: ProgramId) -> Terms {
    let mut terms = presets::reditus(program, Rate(100_000), TimeMs(0));
    terms.policy.code_needs_click = true;
    terms.policy.on_conflict = schemas::terms::OnConflict::CodeWins;
    terms
}
