//! A log of several partitions with an owner each, every one with its own memory and facts, and the ledger they share. An owner
//! looks up, looks further and decides, sends on, and commits: between any two of these the others go on.

use std::collections::BTreeMap;

use rules::{Effect, Known, Needs, effect::Parked, rests_on_rows};
use schemas::{
    event::{Body, Event, Logged, Settle},
    ids::{ConversionId, EventId},
    terms::Terms,
    time::TimeMs,
};

use super::{
    audit,
    inputs::Inputs,
    shared::{Shared, Versions},
};
use crate::{
    scene::store,
    store::{Decide, Ledger, Store, event},
};

/// How the house is run. Each of these but the first plan is one way to break it.
#[derive(Clone, Copy)]
pub(crate) struct House {
    pub(crate) decide: Decide,
    /// A batch is committed only on rows that are as it knew them.
    pub(crate) checks_versions: bool,
    /// And only on rows not there that still are not.
    pub(crate) checks_absence: bool,
    /// A batch does not rely on rows of events that it only sent on.
    pub(crate) relies_on_its_own: bool,
    /// An owner remembers what a batch says only once it is committed.
    pub(crate) remembers_after_commit: bool,
}

impl House {
    pub(crate) fn sound() -> House {
        House {
            decide: rules::decide,
            checks_versions: true,
            checks_absence: true,
            relies_on_its_own: true,
            remembers_after_commit: true,
        }
    }
}

pub(crate) struct Deployment {
    house: House,
    owners: Vec<Owner>,
    pub(crate) ledger: Ledger,
    shared: Shared,
    /// Every event that was accepted; its copies are the same one.
    pub(crate) sent: BTreeMap<EventId, Event>,
    pub(crate) now: TimeMs,
    own_ids: u128,
    /// Batches that had to be decided again, and sales that were woken in another partition.
    pub(crate) conflicts: usize,
    pub(crate) woken: usize,
}

struct Owner {
    store: Store,
    doing: Doing,
    /// Events of the batch; it keeps its length until it is committed.
    batch: usize,
}

#[derive(Default)]
enum Doing {
    #[default]
    Nothing,
    LookedUp(Box<LookedUp>),
    Decided(Box<Decided>),
    SentOn(Box<Decided>),
}

struct LookedUp {
    events: Vec<Logged>,
    needs: Needs,
    known: Known,
    relied_on: Versions,
}

struct Decided {
    events: Vec<Logged>,
    effects: Vec<Effect>,
    relied_on: Versions,
    inputs: Inputs,
}

/// What a partition is decided by again and again before it must have come to its end.
const STEPS_MAX: usize = 10_000;

impl Deployment {
    pub(crate) fn new(partitions: u32, terms: &Terms, house: House, now: TimeMs) -> Deployment {
        let owner = |partition| Owner {
            store: Store { partition, partitions, ..store(terms.clone()) },
            doing: Doing::Nothing,
            batch: 0,
        };
        Deployment {
            house,
            owners: (0..partitions).map(owner).collect(),
            ledger: Ledger::default(),
            shared: Shared::default(),
            sent: BTreeMap::new(),
            now,
            own_ids: 1 << 100,
            conflicts: 0,
            woken: 0,
        }
    }

    pub(crate) fn partitions(&self) -> usize {
        self.owners.len()
    }

    /// An edge appends it, to any partition.
    pub(crate) fn send(&mut self, event: Event, to: usize) {
        self.sent.insert(event.id, event.clone());
        self.append(event, to);
    }

    pub(crate) fn append_own(&mut self, body: Body, to: usize) {
        self.own_ids += 1;
        self.append(event(self.own_ids, body), to);
    }

    fn append(&mut self, event: Event, to: usize) {
        let to = to % self.partitions();
        self.owners[to].store.append(event, self.now);
    }

    /// The next step of a partition's owner; false where it has nothing to do. A batch that begins takes so many events.
    pub(crate) fn advance(&mut self, at: usize, events: usize) -> Result<bool, String> {
        let at = at % self.partitions();
        match std::mem::take(&mut self.owners[at].doing) {
            Doing::Nothing => Ok(self.look_up(at, events)),
            Doing::LookedUp(found) => {
                self.decide(at, *found);
                Ok(true)
            }
            Doing::Decided(decided) => {
                self.send_on(&decided.effects);
                self.owners[at].doing = Doing::SentOn(decided);
                Ok(true)
            }
            Doing::SentOn(decided) => self.commit(at, *decided).map(|()| true),
        }
    }

    /// The owner dies in the midst of what it does; the next one knows what was committed.
    pub(crate) fn crash(&mut self, at: usize) {
        let at = at % self.partitions();
        self.owners[at].doing = Doing::Nothing;
        self.owners[at].batch = 0;
    }

    /// Appends the settles whose time has come, each so many times; false where there is none.
    pub(crate) fn append_settles(&mut self, times: usize) -> bool {
        let settles = self.settles_due();
        for (partition, settle) in settles.iter().flat_map(|settle| std::iter::repeat_n(settle, times)) {
            self.append_own(Body::Settle(*settle), *partition as usize);
        }
        !settles.is_empty()
    }

    fn settles_due(&mut self) -> Vec<(u32, Settle)> {
        let mut settles = std::mem::take(&mut self.ledger.to_append);
        for at in 0..self.partitions() {
            let of_facts = self.with(at, |store| store.settles_of_facts());
            let partition = self.owners[at].store.partition;
            settles.extend(of_facts.into_iter().map(|settle| (partition, settle)));
        }
        settles.sort_by_key(|(_, settle)| settle.conversion);
        settles
    }

    /// Every owner decides its log to its end, one after the other.
    pub(crate) fn catch_up(&mut self) -> Result<(), String> {
        for _ in 0..STEPS_MAX {
            let mut moved = false;
            for at in 0..self.partitions() {
                moved |= self.advance(at, usize::MAX)?;
            }
            if !moved {
                return Ok(());
            }
        }
        Err("the owners come to no end".to_owned())
    }

    /// Decides all that there is and all that follows from it, one settle after the other.
    pub(crate) fn drain(&mut self) -> Result<(), String> {
        for _ in 0..STEPS_MAX {
            self.catch_up()?;
            let settles = self.settles_due();
            if settles.is_empty() {
                return Ok(());
            }
            for (partition, settle) in settles {
                self.append_own(Body::Settle(settle), partition as usize);
                self.catch_up()?;
            }
        }
        Err("settles come to no end".to_owned())
    }

    /// Appends one event, and decides it and what follows.
    pub(crate) fn happens(&mut self, event: Event, to: usize) -> Result<(), String> {
        self.send(event, to);
        self.drain()
    }

    pub(crate) fn tick(&mut self) -> Result<(), String> {
        // The same id everywhere, so that what it moves has the same transfers however many partitions there are.
        self.own_ids += 1;
        for at in 0..self.partitions() {
            self.append(event(self.own_ids, Body::Tick), at);
        }
        self.drain()
    }

    /// The owner's store with the shared ledger in it.
    pub(crate) fn with<R>(&mut self, at: usize, look: impl FnOnce(&mut Store) -> R) -> R {
        let store = &mut self.owners[at].store;
        std::mem::swap(&mut self.ledger, &mut store.kept);
        let seen = look(store);
        std::mem::swap(&mut self.ledger, &mut store.kept);
        seen
    }

    pub(crate) fn log(&self, at: usize) -> &[Logged] {
        &self.owners[at].store.log
    }

    pub(crate) fn partition_of(&self, conversion: ConversionId) -> Option<u32> {
        self.ledger.conversions.get(&conversion).map(|conversion| conversion.position.partition)
    }

    fn look_up(&mut self, at: usize, events: usize) -> bool {
        let owner = &mut self.owners[at];
        let left = owner.store.log.len() - owner.store.next;
        if left == 0 {
            return false;
        }
        if owner.batch == 0 {
            owner.batch = events.clamp(1, left);
        }
        let events = owner.store.log[owner.store.next..owner.store.next + owner.batch].to_vec();
        let (needs, known) = self.with(at, |store| store.fetch_named(&events));
        let relied_on = self.shared.idents(&needs);
        self.owners[at].doing = Doing::LookedUp(Box::new(LookedUp { events, needs, known, relied_on }));
        true
    }

    fn decide(&mut self, at: usize, found: LookedUp) {
        let LookedUp { events, mut needs, mut known, mut relied_on } = found;
        self.with(at, |store| store.fetch_rest(&mut needs, &mut known));
        self.shared.add_rest(&needs, &mut relied_on);
        let inputs = Inputs::of(&known);
        let parked: Vec<Parked> = known.parked.values().cloned().collect();
        let decide = self.house.decide;
        let decided: Vec<Vec<Effect>> = events.iter().map(|logged| decide(&mut known, logged)).collect();
        if self.house.relies_on_its_own {
            let resting = events.iter().zip(&decided).filter(|(_, effects)| rests_on_rows(effects));
            relied_on.keep(&Needs::rested_on(resting.map(|(logged, _)| logged), &parked));
        }
        let effects: Vec<Effect> = decided.into_iter().flatten().collect();
        if !self.house.remembers_after_commit {
            let remembered = effects.iter().filter(|effect| is_memory(effect)).cloned().collect::<Vec<_>>();
            self.with(at, |store| store.commit(&remembered));
        }
        self.owners[at].doing = Doing::Decided(Box::new(Decided { events, effects, relied_on, inputs }));
    }

    fn send_on(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Forward { partition, event } = effect {
                self.append((**event).clone(), *partition as usize);
            }
        }
    }

    /// Where a row has changed meanwhile nothing is committed, and the batch is looked up and decided again.
    fn commit(&mut self, at: usize, decided: Decided) -> Result<(), String> {
        let Decided { events, effects, relied_on, inputs } = decided;
        let House { checks_versions, checks_absence, decide, remembers_after_commit, .. } = self.house;
        if checks_versions && self.shared.has_changed(&relied_on, checks_absence) {
            self.conflicts += 1;
            return Ok(());
        }
        let as_of_now = self.with(at, |store| inputs.decide_again(store, &events, decide));
        audit::same_as_of_now(&effects, &as_of_now)?;
        let elsewhere =
            |effect: &&Effect| matches!(effect, Effect::AppendSettle { partition, .. } if *partition as usize != at);
        self.woken += effects.iter().filter(elsewhere).count();
        audit::can_commit(&self.ledger, &effects)?;
        let effects =
            effects.into_iter().filter(|effect| remembers_after_commit || !is_memory(effect)).collect::<Vec<_>>();
        self.with(at, |store| store.commit(&effects));
        self.shared.commit(&self.ledger, &relied_on, &effects);
        let owner = &mut self.owners[at];
        owner.store.next += owner.batch;
        owner.batch = 0;
        audit::budgets(self)
    }
}

fn is_memory(effect: &Effect) -> bool {
    matches!(effect, Effect::Remember { .. } | Effect::See { .. })
}
