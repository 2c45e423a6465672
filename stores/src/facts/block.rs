use std::{collections::BTreeMap, sync::Arc};

use schemas::{facts::Fact, ids::Position};

use crate::StoreError;

/// All facts of a stretch of one partition's log.
#[derive(Debug, Clone)]
pub struct Block {
    pub partition: u32,
    /// Offsets `[from, to)`.
    pub from: u64,
    pub to: u64,
    /// One more each time that a ledger was restored.
    pub incarnation: u32,
    /// Shared with whoever tries again.
    pub facts: Arc<[Fact]>,
}

/// Which facts a block is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub partition: u32,
    /// Offsets `[from, to)`.
    pub from: u64,
    pub to: u64,
    pub incarnation: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    Now,
    /// All of it was held already: nothing was done.
    Before,
}

#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    #[error("the block begins at {from}, and facts hold the log up to {held_up_to}")]
    Gap { held_up_to: u64, from: u64 },
    #[error("a fact at offset {offset} is not in its block")]
    Outside { offset: u64 },
    #[error("facts hold the log up to {held_up_to} for incarnation {held}, the block is of {given}")]
    Incarnation { held_up_to: u64, held: u32, given: u32 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For each partition the offset before which facts hold all of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    pub(crate) offsets: BTreeMap<u32, u64>,
    /// Of the last block, where it was inserted here.
    pub(crate) incarnations: BTreeMap<u32, u32>,
}

impl Held {
    pub fn up_to(&self, partition: u32) -> u64 {
        self.offsets.get(&partition).copied().unwrap_or(0)
    }
}

/// Where a block stands to what facts hold of its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Held,
    Next,
}

impl Block {
    pub(crate) fn extent(&self) -> Extent {
        let Block { partition, from, to, incarnation, .. } = *self;
        Extent { partition, from, to, incarnation }
    }

    pub(crate) fn place(&self, held_up_to: u64, held: Option<u32>) -> Result<Place, InsertError> {
        self.extent().place(held_up_to, held)
    }

    /// Every fact is of the block's own stretch.
    pub(crate) fn check(&self) -> Result<(), InsertError> {
        self.facts.iter().map(position).try_for_each(|position| self.extent().check(Some((position, position))))
    }
}

impl Extent {
    /// `held` is the incarnation that facts hold the log up to `held_up_to` for, where that is known.
    pub(crate) fn place(&self, held_up_to: u64, held: Option<u32>) -> Result<Place, InsertError> {
        let held = held.unwrap_or(self.incarnation);
        let continues = self.from == held_up_to && self.from <= self.to;
        let in_turn = self.incarnation == held || (self.incarnation > held && continues);
        if !in_turn {
            return Err(InsertError::Incarnation { held_up_to, held, given: self.incarnation });
        }
        if self.from <= self.to && self.to <= held_up_to {
            return Ok(Place::Held);
        }
        if continues { Ok(Place::Next) } else { Err(InsertError::Gap { held_up_to, from: self.from }) }
    }

    /// What begins and ends at these places lies in it.
    pub(crate) fn check(&self, places: Option<(Position, Position)>) -> Result<(), InsertError> {
        let Some((first, last)) = places else { return Ok(()) };
        match [first, last].into_iter().find(|position| !self.holds(*position)) {
            Some(Position { offset, .. }) => Err(InsertError::Outside { offset }),
            None => Ok(()),
        }
    }

    fn holds(&self, position: Position) -> bool {
        position.partition == self.partition && (self.from..self.to).contains(&position.offset)
    }
}

pub(crate) fn position(fact: &Fact) -> Position {
    match fact {
        Fact::Click(click) => click.position,
        Fact::Change(change) => change.position,
    }
}
