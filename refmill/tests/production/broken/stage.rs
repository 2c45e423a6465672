//! A processor's stage put together from the crates' own verbs, which lets a test leave out what the product never does.

use rules::{Effect, Known, decide};
use schemas::event::Logged;
use schemas::ids::{LinkId, PartnerId, ProgramId};
use schemas::wire::decode_event;
use stores::catalog::DecisionKeys;
use stores::ledger::{Batch, CommitError, Taken, Versions};

use crate::hands::{Hands, Link};

const EVENTS_MAX: usize = 1_000;

pub(super) struct Stage<'a> {
    hands: &'a Hands,
    partition: u32,
    pub(super) taken: Taken,
}

impl<'a> Stage<'a> {
    /// Owns the partition from now on.
    pub(super) async fn take(hands: &'a Hands, partition: u32) -> Stage<'a> {
        let taken = hands.stores.ledger.take(partition).await.expect("taken");
        Stage { hands, partition, taken }
    }

    pub(super) fn next(&self) -> u64 {
        self.taken.progress.next
    }

    /// What the log has from where this stage stands on.
    pub(super) async fn read(&self) -> Vec<Logged> {
        let records =
            self.hands.stores.log.read(self.partition, self.next(), EVENTS_MAX).await.expect("the log is read");
        let logged = |record: stores::log::Record| Logged {
            position: record.position,
            appended_at: record.appended_at,
            event: decode_event(&record.bytes).expect("an event"),
        };
        records.into_iter().map(logged).collect()
    }

    /// What the catalog says of these links, and nothing of what the ledger does.
    pub(super) async fn known(&self, links: &[&Link]) -> Known {
        let keys = DecisionKeys {
            links: links.iter().map(|link| link.id).collect::<Vec<LinkId>>(),
            programs: links.iter().map(|link| link.of.program).collect::<Vec<ProgramId>>(),
            partners: links.iter().map(|link| link.partner).collect::<Vec<PartnerId>>(),
            keys: Vec::new(),
        };
        let rows = self.hands.stores.catalog.decision_rows(keys).await.expect("the catalog answers");
        Known {
            partitions: self.hands.stores.log.partitions(),
            links: rows.links.into_iter().map(|link| (link.id, link)).collect(),
            terms: rows.terms,
            ..Known::default()
        }
    }

    pub(super) fn decide(&self, known: &mut Known, events: &[Logged]) -> Vec<Effect> {
        events.iter().flat_map(|logged| decide(known, logged)).collect()
    }

    /// As an owner does: by its own epoch, and with how far it is now, which is after these events.
    pub(super) async fn commit(
        &self,
        events: &[Logged],
        effects: Vec<Effect>,
        relied_on: Versions,
    ) -> Result<(), CommitError> {
        let to = self.next() + events.len() as u64;
        let batch = self.batch(self.taken.epoch, self.next(), to, effects, relied_on);
        let last_event = events.last().map(|logged| logged.event.id);
        self.hands.stores.ledger.commit(Batch { last_event, ..batch }).await
    }

    /// Whoever owns the partition and however far it is.
    pub(super) async fn commit_unchecked(&self, effects: Vec<Effect>) {
        let owner = self.hands.stores.ledger.take(self.partition).await.expect("taken");
        let next = owner.progress.next;
        let batch = self.batch(owner.epoch, next, next, effects, Versions::default());
        self.hands.stores.ledger.commit(batch).await.expect("committed");
    }

    fn batch(&self, epoch: u64, from: u64, to: u64, effects: Vec<Effect>, relied_on: Versions) -> Batch {
        Batch {
            partition: self.partition,
            epoch,
            from,
            to,
            last_event: None,
            appended_at: self.taken.progress.appended_at,
            effects,
            relied_on,
            quarantined: Vec::new(),
            plan: None,
            published: None,
        }
    }
}
