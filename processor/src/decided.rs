//! What a batch came to, by who takes it in.

use hashbrown::HashMap;
use rules::{Effect, Known, Needs, decide_into, effect::Parked, look_ahead, replay::ClickException, rests_on_rows};
use schemas::{
    decision::{EventKind, Outcome},
    event::{Body, Event, Logged},
    facts::{ConversionChange, Fact},
    ids::CompanyId,
    time::Day,
    wire::encode_decision,
};
use stores::{facts::Gathered, ledger::Versions, log::Reply};

use crate::memory::{LOOKED_AHEAD, Memory};

pub(crate) struct Decided {
    pub(crate) sorted: Sorted,
    /// Rows of the ledger that the decisions rested on.
    pub(crate) relied_on: Versions,
}

/// A batch's effects by who takes them in.
#[derive(Default)]
pub(crate) struct Sorted {
    /// All that the ledger keeps.
    pub(crate) ledger: Vec<Effect>,
    counts: HashMap<(CompanyId, EventKind, Outcome, Day), i64>,
    pub(crate) changes: Vec<ConversionChange>,
    /// Clicks that are found to be something else than what their records say, in the log's order.
    pub(crate) exceptions: Vec<(u64, ClickException)>,
    /// Those of which facts are told, and copies.
    pub(crate) clicks: usize,
    pub(crate) replies: Vec<Reply>,
    /// Events that other partitions decide.
    pub(crate) forwards: Vec<(u32, Event)>,
}

/// Decides a batch on all that is known. The memory is as the batch leaves it, and can be put back.
pub(crate) fn decide_all(memory: &mut Memory, known: &mut Known, mut versions: Versions, events: &[Logged]) -> Decided {
    let parked: Vec<Parked> = known.parked.values().cloned().collect();
    let (touches, before) = memory.lend();
    (known.touches, known.before) = (touches, Some(before));
    let mut sorted = Sorted::default();
    let mut resting: Vec<&Logged> = Vec::new();
    let mut effects = Vec::new();
    for events in events.chunks(LOOKED_AHEAD) {
        look_ahead(&known.touches, events);
        for logged in events {
            decide_into(known, logged, &mut effects);
            if matches!(logged.event.body, Body::Click(_)) {
                sorted.clicks += 1;
            } else if rests_on_rows(&effects) {
                resting.push(logged);
            }
            effects.drain(..).for_each(|effect| sorted.take_in(effect));
        }
    }
    memory.decided(std::mem::take(&mut known.touches), known.before.take().unwrap_or_default());
    sorted.count();
    if !versions.keys.is_empty() || !versions.idents.is_empty() {
        let rested = Needs::rested_on(resting, &parked);
        versions.keys.retain(|key, _| rested.keys.contains(key));
        versions.idents.retain(|ident, _| rested.idents.contains(ident));
    }
    Decided { sorted, relied_on: versions }
}

/// Adds the facts of a committed batch.
pub(crate) fn gather(
    facts: &mut Gathered,
    events: Vec<Logged>,
    changes: Vec<ConversionChange>,
    exceptions: &[(u64, ClickException)],
) {
    let mut exceptions = exceptions.iter().peekable();
    for logged in events {
        let exception = exceptions.next_if(|(offset, _)| *offset == logged.position.offset);
        facts.push_record(logged, exception.map(|(_, exception)| *exception));
    }
    changes.into_iter().for_each(|change| facts.push_change(change));
}

impl Sorted {
    fn take_in(&mut self, effect: Effect) {
        match effect {
            // The memory has them.
            Effect::Remember { .. } | Effect::See { .. } => {}
            Effect::Count { company, kind, outcome, day, by } => {
                *self.counts.entry((company, kind, outcome, day)).or_default() += by;
            }
            Effect::ExceptClick { position, outcome } => {
                self.exceptions.push((position.offset, outcome.map_or(ClickException::Copy, ClickException::Found)));
                self.ledger.push(effect);
            }
            Effect::Forward { partition, event } => self.forwards.push((partition, *event)),
            Effect::Record(Fact::Change(change)) => {
                self.changes.push((*change).clone());
                self.ledger.push(Effect::Record(Fact::Change(change)));
            }
            Effect::Reply(decision) => {
                self.replies.push((decision.reply_to, encode_decision(&decision)));
                self.ledger.push(Effect::Reply(decision));
            }
            kept => self.ledger.push(kept),
        }
    }

    /// One effect for all that moves the same count.
    fn count(&mut self) {
        let counts = self.counts.drain();
        self.ledger.extend(counts.map(|((company, kind, outcome, day), by)| Effect::Count {
            company,
            kind,
            outcome,
            day,
            by,
        }));
    }
}
