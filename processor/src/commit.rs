use std::time::Instant;

use metrics::{counter, histogram};
use rules::Effect;
use schemas::{
    event::{Body, Logged},
    ids::{ConversionId, Position},
};
use stores::ledger::{Batch, CommitError, Locked, Plan, Quarantined, Versions};

use crate::{
    ProcessError,
    decided::{Decided, Sorted, decide_all, gather},
    fetch::{DUE_MAX, Fetched, Sources, fetch},
    owner::Owner,
    pool::{Stage, set_stage},
    publish::Replies,
    read::Stretch,
};

/// How often a batch is decided again because a row that it was decided on has changed.
const TRIES: u32 = 16;

/// From this try on the rows that it was in conflict about are locked before it is decided.
const LOCKED_FROM: u32 = 2;

/// Of a batch so many records that are put aside are told one by one.
const QUARANTINED_TOLD: usize = 8;

impl Owner {
    /// Decides and commits what comes next in the log.
    pub(crate) async fn step(&mut self) -> Result<(), ProcessError> {
        if self.held_at.is_some() {
            return Ok(());
        }
        let mut stretch = match self.pending.take() {
            Some(stretch) => stretch,
            None => {
                let records = self.reader.take(self.limits.batch_events).await.map_err(ProcessError::Reading)?;
                match Stretch::of(self.next, records) {
                    Some(stretch) => stretch,
                    None => return Ok(()),
                }
            }
        };
        let is_full = stretch.events.len() >= self.limits.batch_events;
        self.began_at = (!is_full).then(Instant::now);
        let decided = if stretch.is_empty() { Ok(()) } else { self.decide(&mut stretch).await };
        match (decided, stretch.newer) {
            (Err(error), _) => {
                self.pending = Some(stretch);
                return Err(error);
            }
            (Ok(()), Some(at)) => self.hold(at),
            (Ok(()), None) => {}
        }
        Ok(())
    }

    /// Stands still, with all before this record decided: passing it over would lose it, and ending the process the other partitions.
    fn hold(&mut self, at: Position) {
        self.held_at = Some(at);
        set_stage(&self.deps.status, self.partition, Some(Stage::Held));
        tracing::error!(
            partition = at.partition,
            offset = at.offset,
            "this record was written by a newer version of Refmill: the partition stands still before it until that version is started. \
             Nothing is lost"
        );
    }

    async fn decide(&mut self, stretch: &mut Stretch) -> Result<(), ProcessError> {
        for tries in 0..TRIES {
            let locked = match self.contended.take() {
                Some(rows) if tries >= LOCKED_FROM => {
                    Some(self.deps.ledger.lock(self.partition, self.epoch, rows).await?)
                }
                _ => None,
            };
            match self.attempt(stretch, locked).await {
                Err(ProcessError::Commit(CommitError::Conflict(row))) => {
                    counter!("refmill_batches_in_conflict_total").increment(1);
                    tracing::debug!(partition = self.partition, ?row, tries, "deciding a batch again");
                }
                done => return done,
            }
        }
        Err(ProcessError::Contended { from: stretch.from, tries: TRIES })
    }

    async fn attempt(&mut self, stretch: &mut Stretch, locked: Option<Locked>) -> Result<(), ProcessError> {
        let started = Instant::now();
        let sources = Sources {
            partitions: self.deps.log.partitions(),
            catalog: &self.deps.catalog,
            ledger: &self.deps.ledger,
            facts: &self.deps.facts,
            facts_wait: self.limits.facts_wait,
            touches: &self.memory.touches,
        };
        let Fetched { mut known, versions, lacks_facts } = fetch(&sources, self.partition, &stretch.events).await?;
        let more_is_due = known.due.len() >= DUE_MAX;
        let Decided { sorted, relied_on } = decide_all(&mut self.memory, &mut known, versions, &stretch.events);
        let events = stretch.events.len() as u64;
        let settles = if lacks_facts { settled(&stretch.events) } else { Vec::new() };
        let committed = self.forward_and_commit(stretch, relied_on, sorted, locked).await;
        // Nothing is left to put back of what is committed.
        self.memory.not_committed();
        committed?;
        self.contended = None;
        self.forwarded.clear();
        if lacks_facts {
            self.put_off(settles);
        }
        if more_is_due {
            self.ticked_at = schemas::time::TimeMs(0);
        }
        counter!("refmill_events_decided_total").increment(events);
        report(self.partition, &stretch.quarantined);
        histogram!("refmill_batch_seconds").record(started.elapsed());
        Ok(())
    }

    async fn forward_and_commit(
        &mut self,
        stretch: &mut Stretch,
        relied_on: Versions,
        mut sorted: Sorted,
        locked: Option<Locked>,
    ) -> Result<(), ProcessError> {
        self.forward(std::mem::take(&mut sorted.forwards)).await?;
        self.contended = Some(relied_on.clone());
        let facts = sorted.changes.len() + sorted.clicks;
        let closes = self.block.closes_with(facts, Instant::now()) && self.may_plan();
        let plan = closes.then(|| self.block.plan_up_to(stretch.to));
        let published = *self.published.borrow();
        self.note_settled(&sorted.ledger);
        let batch = Batch {
            partition: self.partition,
            epoch: self.epoch,
            from: stretch.from,
            to: stretch.to,
            last_event: stretch.events.last().map(|logged| logged.event.id),
            appended_at: stretch.appended_at,
            relied_on,
            effects: std::mem::take(&mut sorted.ledger),
            quarantined: stretch.quarantined.clone(),
            plan,
            published: (published > self.published_saved).then_some(published),
        };
        match locked {
            Some(locked) => self.deps.ledger.commit_locked(locked, batch).await?,
            None => self.deps.ledger.commit(batch).await?,
        }
        self.published_saved = self.published_saved.max(published);
        self.committed(stretch, sorted, plan).await
    }

    async fn committed(
        &mut self,
        stretch: &mut Stretch,
        sorted: Sorted,
        plan: Option<Plan>,
    ) -> Result<(), ProcessError> {
        self.next = stretch.to;
        self.memory.committed();
        // By the log's time: what is remembered must not depend on when it is decided.
        if let Some(tick) = stretch.events.iter().rfind(|logged| matches!(logged.event.body, Body::Tick)) {
            self.memory.forget(tick.appended_at);
        }
        let events = std::mem::take(&mut stretch.events);
        let Sorted { changes, exceptions, replies, .. } = sorted;
        self.block.extend(stretch.to, Instant::now(), |facts| gather(facts, events, changes, &exceptions));
        if let Some(plan) = plan {
            self.send_block(plan)?;
        }
        if !replies.is_empty() {
            let replies = Replies { to: stretch.to, replies };
            self.replies.send(replies).await.map_err(|_| ProcessError::TaskEnded)?;
        }
        Ok(())
    }

    /// Settles that this batch decides need not be held back any more.
    fn note_settled(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Unpark { conversion } | Effect::ClearLate { conversion, .. } => {
                    self.settling.remove(conversion);
                }
                Effect::Park(parked) => {
                    self.settling.remove(&parked.conversion);
                }
                Effect::AppendSettle { .. } => self.settles_left = true,
                _ => {}
            }
        }
    }

    /// Settles that facts did not answer for are appended again.
    fn put_off(&mut self, settles: Vec<ConversionId>) {
        for conversion in settles {
            self.settling.remove(&conversion);
        }
        self.settle_again_at = Some(Instant::now() + self.limits.settle_again_after);
    }
}

fn settled(events: &[Logged]) -> Vec<ConversionId> {
    let conversion = |logged: &Logged| match &logged.event.body {
        Body::Settle(settle) => Some(settle.conversion),
        _ => None,
    };
    events.iter().filter_map(conversion).collect()
}

/// Says what was put aside: somebody writes to the log who should not, or wrongly.
fn report(partition: u32, quarantined: &[Quarantined]) {
    counter!("refmill_events_quarantined_total").increment(quarantined.len() as u64);
    for Quarantined { offset, reason, record } in quarantined.iter().take(QUARANTINED_TOLD) {
        let bytes = record.len();
        tracing::error!(
            partition,
            offset,
            bytes,
            reason,
            "a record is no event: it is kept in the ledger's quarantine"
        );
    }
    if let Some(more) = quarantined.len().checked_sub(QUARANTINED_TOLD).filter(|more| *more > 0) {
        tracing::error!(partition, more, "and so are these of the same batch");
    }
}
