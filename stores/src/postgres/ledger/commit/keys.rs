//! Keys that a batch takes and frees.

use std::collections::{BTreeMap, BTreeSet};

use rules::effect::KeyTaken;
use schemas::{hashes::KeyHash, ids::ConversionId};

use super::{
    Pace,
    steps::{Check, Steps, rows},
};
use crate::{
    ledger::{CommitError, SharedRow},
    postgres::ledger::{
        ask::{Ask, Param, column},
        columns::{Wide, int},
        session::Session,
        shared::{self, Kind},
    },
};

/// What happens to each key, in turn: nearly always it is taken, and that is all.
#[derive(Default)]
pub(super) struct KeyWrites {
    turns: BTreeMap<KeyHash, Vec<Turn>>,
    taken: BTreeSet<KeyHash>,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Taken(KeyTaken),
    Freed,
}

impl KeyWrites {
    pub(super) fn take(&mut self, key: KeyHash, taken: KeyTaken) -> Result<(), CommitError> {
        self.taken.insert(key);
        let turns = self.turns.entry(key).or_default();
        match turns.last() {
            Some(Turn::Taken(before)) if before.conversion == taken.conversion => {}
            Some(Turn::Taken(_)) => return Err(CommitError::Conflict(SharedRow::Key(key))),
            _ => turns.push(Turn::Taken(taken)),
        }
        Ok(())
    }

    pub(super) fn free(&mut self, key: KeyHash) {
        self.turns.entry(key).or_default().push(Turn::Freed);
    }

    fn first_taken(&self, key: KeyHash) -> Option<KeyTaken> {
        match self.turns.get(&key)?.first()? {
            Turn::Taken(taken) => Some(*taken),
            Turn::Freed => None,
        }
    }

    /// What happens to keys in this turn, but for those that `skip` names: who takes them, and which are freed.
    fn turn(&self, turn: usize, skip: impl Fn(KeyHash) -> bool) -> (Vec<(KeyHash, KeyTaken)>, Vec<KeyHash>) {
        let (mut taken, mut freed) = (Vec::new(), Vec::new());
        for (key, turns) in &self.turns {
            match turns.get(turn) {
                Some(Turn::Taken(by)) if !skip(*key) => taken.push((*key, *by)),
                Some(Turn::Freed) => freed.push(*key),
                _ => {}
            }
        }
        (taken, freed)
    }

    /// Conversions that nobody has decided before: none of the keys that they take was there.
    pub(super) fn new_conversions(&self, relied_on: &BTreeMap<KeyHash, u64>) -> BTreeSet<ConversionId> {
        let (mut new, mut known) = (BTreeSet::new(), BTreeSet::new());
        for (key, turns) in &self.turns {
            let absent = relied_on.get(key) == Some(&0);
            let taken = turns.iter().filter_map(|turn| match turn {
                Turn::Taken(taken) => Some(taken.conversion),
                Turn::Freed => None,
            });
            if absent { new.extend(taken) } else { known.extend(taken) }
        }
        new.retain(|id| !known.contains(id));
        new
    }

    fn turns(&self) -> usize {
        self.turns.values().map(Vec::len).max().unwrap_or(0)
    }
}

/// A key that was not there when it was looked up is made here, taken or not: who relied on its absence too finds it.
pub(super) fn write(steps: &mut Steps, relied_on: &BTreeMap<KeyHash, u64>, writes: &KeyWrites, pace: Pace) {
    let there = || relied_on.iter().filter(|(_, version)| **version > 0);
    if there().next().is_some() {
        let looked_up = there().map(|(key, version)| (SharedRow::Key(*key), *version)).collect();
        let ask = shared::lock_keys(there().map(|(key, _)| *key));
        steps.push_checked(ask, Check::Known { kind: Kind::Key, looked_up });
    }
    let absent = |key: KeyHash| relied_on.get(&key) == Some(&0);
    let made: Vec<_> =
        relied_on.keys().filter(|key| absent(**key)).map(|key| (*key, writes.first_taken(*key))).collect();
    if !made.is_empty() {
        let check = Check::Rows {
            wanted: made.len() as u64,
            kind: Kind::Key,
            found: shared::key_made_before(made.iter().map(|(key, _)| *key)),
            else_row: made.first().map(|(key, _)| SharedRow::Key(*key)),
        };
        steps.push_checked(make(&made, pace), check);
    }
    let (taken, freed) = writes.turn(0, absent);
    if !taken.is_empty() {
        let check =
            Check::Rows { wanted: taken.len() as u64, kind: Kind::Key, found: held_by_another(&taken), else_row: None };
        steps.push_checked(take(&taken), check);
    }
    if !freed.is_empty() {
        steps.push(free(freed));
    }
}

/// Keys that are taken after they were freed, or the other way round, in one batch.
pub(super) async fn write_again(session: &Session, writes: &KeyWrites) -> Result<(), CommitError> {
    for turn in 1..writes.turns() {
        let (taken, freed) = writes.turn(turn, |_| false);
        if !taken.is_empty() {
            let told = session.all(None, &[take(&taken)], None).await?;
            let changed = told.first().map_or(0, |told| told.count());
            rows(session, changed, taken.len() as u64, Kind::Key, held_by_another(&taken), None).await?;
        }
        if !freed.is_empty() {
            session.all(None, &[free(freed)], None).await?;
        }
    }
    Ok(())
}

/// A batch that found a key free and left it so, as one does that refuses a sale, has relied on that: who found it free too
/// must look again.
pub(super) fn hold_free(relied_on: &BTreeMap<KeyHash, u64>, writes: &KeyWrites) -> Option<Ask> {
    let left: Vec<KeyHash> = relied_on
        .iter()
        .filter(|(key, version)| **version > 0 && !writes.taken.contains(*key))
        .map(|(key, _)| *key)
        .collect();
    let hold = "UPDATE ledger.keys SET version = version + 1 WHERE key_hash = ANY($1) AND conversion IS NULL";
    if left.is_empty() { None } else { Some(Ask::count(hold, shared::keys(left.into_iter()))) }
}

macro_rules! insert {
    ($then:literal) => {
        concat!(
            "INSERT INTO ledger.keys AS k (key_hash, company, conversion, event, body_hash) SELECT unnest($1::uuid[]), \
             unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::uuid[]), unnest($5::uuid[]) ",
            $then
        )
    };
}

fn make(keys: &[(KeyHash, Option<KeyTaken>)], pace: Pace) -> Ask {
    let sql = match pace {
        Pace::Fast => insert!(""),
        Pace::Careful => insert!("ON CONFLICT DO NOTHING"),
    };
    Ask::count(sql, columns(keys))
}

/// Takes free keys. One that the same conversion has taken before stays as it is.
fn take(taken: &[(KeyHash, KeyTaken)]) -> Ask {
    let taken: Vec<_> = taken.iter().map(|(key, taken)| (*key, Some(*taken))).collect();
    let sql = insert!(
        "ON CONFLICT (key_hash) DO UPDATE SET company = excluded.company, conversion = excluded.conversion, \
         event = excluded.event, body_hash = excluded.body_hash, version = k.version + 1 WHERE k.conversion IS NULL"
    );
    Ask::count(sql, columns(&taken))
}

fn columns(keys: &[(KeyHash, Option<KeyTaken>)]) -> Vec<Param> {
    vec![
        column(keys, |(key, _)| Wide(key.0)),
        column(keys, |(_, taken)| taken.map_or(0, |taken| int(taken.company.0))),
        column(keys, |(_, taken)| taken.map(|taken| Wide(taken.conversion.0))),
        column(keys, |(_, taken)| taken.map(|taken| Wide(taken.event.0))),
        column(keys, |(_, taken)| taken.map(|taken| Wide(taken.body_hash))),
    ]
}

fn held_by_another(taken: &[(KeyHash, KeyTaken)]) -> Ask {
    Ask::rows(
        "SELECT k.key_hash FROM unnest($1::uuid[], $2::uuid[]) asked (key_hash, conversion) JOIN ledger.keys k USING (key_hash)
         WHERE k.conversion <> asked.conversion ORDER BY k.key_hash LIMIT 1",
        vec![column(taken, |(key, _)| Wide(key.0)), column(taken, |(_, taken)| Wide(taken.conversion.0))],
    )
}

fn free(keys: Vec<KeyHash>) -> Ask {
    Ask::count(
        "UPDATE ledger.keys SET conversion = NULL, event = NULL, body_hash = NULL, version = version + 1 WHERE key_hash = ANY($1)",
        shared::keys(keys.into_iter()),
    )
}
