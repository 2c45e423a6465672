//! A deployment of one company with a link for each partition, in a folder or around the servers.

use schemas::{
    code::Code,
    ids::{CompanyId, LinkId, PartnerId, ProgramId},
    money::Rate,
    route::partition_of_link,
    terms::Terms,
    time::{DAY_MS, TimeMs},
};
use stores::{
    Deployment, Roles, Shape,
    catalog::{FreshKeys, LinkPartner, NewCompany, NewLink, Payout, PayoutSchedule},
    log::LogLimits,
};
use tempfile::TempDir;

use crate::{around::Around, road::Road, way::Way};

/// 2026-06-14T10:00:00Z.
pub(crate) const NOON: TimeMs = TimeMs(1_781_431_200_000);
pub(crate) const COMPANY: CompanyId = CompanyId(1);
pub(crate) const PROGRAM: ProgramId = ProgramId(2);

pub(crate) struct Place {
    at: At,
    pub(crate) partitions: u32,
    /// A day before whatever happens.
    pub(crate) noon: TimeMs,
    now: fn() -> TimeMs,
    terms: fn(ProgramId) -> Terms,
}

enum At {
    Folder(TempDir),
    Servers(Around),
}

impl Place {
    /// A folder, in which it is a day after noon and stays so.
    pub(crate) fn new() -> Place {
        let at = At::Folder(TempDir::new().expect("a folder"));
        Place { at, partitions: 1, noon: NOON, now: after_noon, terms: newest_click }
    }

    /// Around the servers, whose clocks are the real one.
    pub(crate) fn around(partitions: u32) -> Place {
        let at = At::Servers(Around::new(partitions));
        Place { at, partitions, noon: real_now().plus_ms(-DAY_MS), now: real_now, terms: newest_click }
    }

    /// One of each kind, with one partition.
    pub(crate) fn both() -> [Place; 2] {
        [Place::new(), Place::around(1)]
    }

    pub(crate) fn with_terms(self, terms: fn(ProgramId) -> Terms) -> Place {
        Place { terms, ..self }
    }

    /// Reaches ClickHouse by a way of its own from its next opening on.
    pub(crate) async fn with_way_to_clickhouse(&mut self) -> Way {
        let At::Servers(around) = &mut self.at else { panic!("a folder needs no ClickHouse") };
        let way = Way::to(around.clickhouse()).await;
        around.lead_to_clickhouse(way.address);
        way
    }

    pub(crate) fn forget_touches(&self) {
        let At::Folder(folder) = &self.at else { panic!("servers have no files of ours") };
        for name in ["touches.db", "touches.db-wal", "touches.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(name));
        }
    }

    /// With a processor on it.
    pub(crate) async fn open(&self) -> Road {
        let mut road = self.still().await;
        road.decide();
        road
    }

    /// Nobody decides yet.
    pub(crate) async fn still(&self) -> Road {
        self.still_with(LogLimits::default()).await
    }

    pub(crate) async fn still_with(&self, limits: LogLimits) -> Road {
        let shape = match &self.at {
            At::Folder(folder) => Shape::Embedded { folder: folder.path().to_owned() },
            At::Servers(around) => {
                Shape::Distributed { servers: Box::new(around.servers.clone()), create_topics: true }
            }
        };
        let stores = Deployment::open(&shape, Roles::ALL, limits, self.now).await.expect("it opens");
        let fresh = FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] };
        stores.catalog.rotate_keys((self.now)(), fresh).await.expect("keys");
        let codes: Vec<Code> = (0..self.partitions).map(|partition| self.code(partition)).collect();
        if stores.catalog.company(COMPANY).await.expect("the catalog").is_none() {
            self.register(&stores, &codes).await;
        }
        Road::new(stores, codes, self.now).await
    }

    fn code(&self, partition: u32) -> Code {
        let codes = (1..).map(|number| Code::parse(&format!("partner-{number}")).expect("a code"));
        let is_there = |code: &Code| partition_of_link(LinkId(code.route()), self.partitions) == partition;
        codes.into_iter().find(is_there).expect("some code is there")
    }

    async fn register(&self, stores: &Deployment, codes: &[Code]) {
        let person_key = &stores.catalog.secrets().person_key;
        let now = (self.now)();
        let company = NewCompany {
            id: COMPANY,
            program: PROGRAM,
            name: "Shop".to_owned(),
            domain: "shop.example".to_owned(),
            email: "owner@shop.example".to_owned(),
            email_hash: person_key.email("owner@shop.example"),
            terms: (self.terms)(PROGRAM),
            payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 5_000 },
            keys: Vec::new(),
            now,
        };
        stores.catalog.register_company(company).await.expect("a company");
        for (partition, code) in (0..).zip(codes) {
            let email = format!("partner-{partition}@example.com");
            let link = NewLink {
                id: LinkId(code.route()),
                code: code.clone(),
                company: COMPANY,
                partner: LinkPartner::Addressed {
                    email_hash: person_key.email(&email),
                    email,
                    id_if_new: partner(partition),
                },
                destination: "https://shop.example/".to_owned(),
                name: None,
                now,
            };
            stores.catalog.create_link(link).await.expect("a link");
        }
    }
}

/// Whose link a partition's code is.
pub(crate) fn partner(partition: u32) -> PartnerId {
    PartnerId(3 + u64::from(partition))
}

fn newest_click(program: ProgramId) -> Terms {
    rules::presets::refuel(program, Rate(100_000), 30, TimeMs(0))
}

fn after_noon() -> TimeMs {
    NOON.plus_ms(DAY_MS)
}

fn real_now() -> TimeMs {
    let since = std::time::UNIX_EPOCH.elapsed().expect("a clock that is right");
    TimeMs(i64::try_from(since.as_millis()).expect("a time of today"))
}
