//! The stores of a place, a processor on them, and what a test waits for.

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
    event::{Body, Event},
    ids::{ConversionId, EventId},
    receipt::ReceiptKey,
    route::home,
    time::{Day, TimeMs},
    wire::encode_event,
};
use stores::{Deployment, log::Class};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::place::COMPANY;

/// For whatever a test waits for.
const WAIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

pub(crate) struct Road {
    pub(crate) stores: Deployment,
    pub(super) codes: Vec<Code>,
    pub(super) now: fn() -> TimeMs,
    pub(super) ids: Arc<AtomicU64>,
    pub(super) signing: ReceiptKey,
    told: watch::Sender<Status>,
    stop: CancellationToken,
    processor: Option<JoinHandle<Result<(), ProcessError>>>,
}

impl Road {
    pub(super) async fn new(stores: Deployment, codes: Vec<Code>, now: fn() -> TimeMs) -> Road {
        let signing = stores.catalog.receipt_keys().await.expect("keys").signing(now()).expect("a key");
        // An id of a run is of no other: where the log ends is new each time.
        let mut end = 0;
        for partition in 0..stores.log.partitions() {
            end += stores.log.span(partition).await.expect("the log answers").end;
        }
        let (ids, told) = (Arc::new(AtomicU64::new(end << 32)), watch::Sender::new(Status::default()));
        Road { stores, codes, now, ids, signing, told, stop: CancellationToken::new(), processor: None }
    }

    pub(crate) fn decide(&mut self) {
        self.decide_within(Limits::default());
    }

    pub(crate) fn decide_within(&mut self, limits: Limits) {
        let own_ids = Arc::clone(&self.ids);
        let deps = Deps {
            log: self.stores.log.clone(),
            touches: self.stores.touches.clone().expect("there are touches"),
            ledger: self.stores.ledger.clone(),
            catalog: self.stores.catalog.clone(),
            facts: self.stores.facts.clone().expect("there are facts"),
            now: self.now,
            event_id: Arc::new(move || EventId(u128::from(own_ids.fetch_add(1, Ordering::Relaxed)))),
            status: self.told.clone(),
        };
        self.processor = Some(tokio::spawn(processor::run(deps, limits, self.stop.clone())));
    }

    /// Appends an event; where it is a sale, says which conversion it is.
    pub(crate) async fn append(&self, event: Event) -> ConversionId {
        let conversion = match &event.body {
            Body::Sale(sale) => sale.claim.conversion,
            _ => ConversionId(0),
        };
        self.append_all(vec![event]).await;
        conversion
    }

    /// All at one moment, each to where an edge sends it.
    pub(crate) async fn append_all(&self, events: Vec<Event>) {
        let partitions = self.stores.log.partitions();
        let placed = |event: Event| (home(&event.body, partitions).unwrap_or(0), encode_event(event));
        let records: Vec<_> = events.into_iter().map(placed).collect();
        let appending = self.stores.log.enqueue_many(Class::Conversion, records).expect("there is room");
        appending.await.expect("they are durable");
    }

    /// At which offset.
    pub(crate) async fn append_bytes(&self, partition: u32, record: Vec<u8>) -> u64 {
        let appending = self.stores.log.enqueue(partition, Class::Conversion, record).expect("there is room");
        appending.await.expect("it is durable").position.offset
    }

    pub(crate) async fn decide_all(&self) {
        for partition in 0..self.stores.log.partitions() {
            self.decided(partition).await;
        }
    }

    pub(crate) async fn decided(&self, partition: u32) {
        let end = self.stores.log.span(partition).await.expect("the log answers").end;
        self.until(async || {
            self.stores.ledger.progress(partition).await.expect("the ledger answers").is_some_and(|at| at.next >= end)
        })
        .await;
    }

    /// Until it stands still before something that it does not know.
    pub(crate) async fn held(&self, partition: u32) {
        self.until(async || self.stage(partition) == Some(Stage::Held)).await;
    }

    pub(crate) fn stage(&self, partition: u32) -> Option<Stage> {
        self.told.borrow().owned.get(&partition).copied()
    }

    /// Until facts hold a partition's log before this offset.
    pub(crate) async fn facts_hold(&self, partition: u32, up_to: u64) {
        let held = self.stores.facts.as_ref().expect("there are facts").held();
        self.until(async || held.borrow().up_to(partition) >= up_to).await;
    }

    pub(crate) async fn settled(&self, conversion: ConversionId) {
        self.until(async || self.standing(conversion).await != Standing::Parked).await;
    }

    pub(crate) async fn standing(&self, conversion: ConversionId) -> Standing {
        self.stores.ledger.conversion(conversion).await.expect("the ledger answers").expect("it was decided").standing
    }

    pub(crate) async fn counted(&self, kind: EventKind, outcome: Outcome) -> i64 {
        let outcomes = self.stores.ledger.outcomes(COMPANY, Day(0), (self.now)().day()).await;
        let outcomes = outcomes.expect("the ledger answers");
        outcomes.iter().filter(|row| (row.kind, row.outcome) == (kind, outcome)).map(|row| row.n).sum()
    }

    pub(crate) async fn until(&self, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                let has_ended = self.processor.as_ref().is_some_and(JoinHandle::is_finished);
                assert!(!has_ended, "the processor has ended meanwhile");
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(WAIT, waiting).await.expect("what was waited for came");
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Some(processor) = self.processor {
            processor.await.expect("it does not panic").expect("it finishes");
        }
        self.stores.close().await;
    }
}
