//! Rows that several partitions write: how often each has changed, and whether it is as it was looked up.

use std::collections::{BTreeSet, HashMap};

use rules::{Effect, Needs, known::Ident};
use schemas::{
    hashes::KeyHash,
    ids::{CompanyId, ProgramId},
    money::Currency,
};

use crate::store::Ledger;

/// 0: it was not there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versions {
    keys: HashMap<KeyHash, u64>,
    idents: HashMap<(CompanyId, Ident), u64>,
    budgets: HashMap<(ProgramId, Currency), u64>,
}

impl Versions {
    pub(crate) fn keep(&mut self, rested_on: &Needs) {
        self.keys.retain(|key, _| rested_on.keys.contains(key));
        self.idents.retain(|ident, _| rested_on.idents.contains(ident));
    }
}

#[derive(Default)]
pub(crate) struct Shared {
    present: Versions,
}

impl Shared {
    pub(crate) fn idents(&self, needs: &Needs) -> Versions {
        let idents = needs.idents.iter().map(|ident| (*ident, version(&self.present.idents, ident))).collect();
        Versions { idents, ..Versions::default() }
    }

    /// Keys and budgets are looked up after identifiers.
    pub(crate) fn add_rest(&self, needs: &Needs, relied_on: &mut Versions) {
        relied_on.keys = needs.keys.iter().map(|key| (*key, version(&self.present.keys, key))).collect();
        relied_on.budgets =
            needs.budgets.iter().map(|budget| (*budget, version(&self.present.budgets, budget))).collect();
    }

    pub(crate) fn has_changed(&self, relied_on: &Versions, checks_absence: bool) -> bool {
        changed(&self.present.keys, &relied_on.keys, checks_absence)
            || changed(&self.present.idents, &relied_on.idents, checks_absence)
            || changed(&self.present.budgets, &relied_on.budgets, checks_absence)
    }

    /// A row counts once a batch, however often it is written. A key found free and left so has been relied on, and counts too.
    pub(crate) fn commit(&mut self, ledger: &Ledger, relied_on: &Versions, effects: &[Effect]) {
        let (mut idents, mut budgets) = (BTreeSet::new(), BTreeSet::new());
        for effect in effects {
            match effect {
                Effect::TakeKey { key, .. } | Effect::FreeKey { key } => {
                    *self.present.keys.entry(*key).or_default() += 1
                }
                Effect::PutIdent { company, ident, .. } => _ = idents.insert((*company, *ident)),
                Effect::Park(parked) => idents.extend(parked.idents.iter().map(|ident| (parked.company, *ident))),
                Effect::Spend { program, currency, .. } => _ = budgets.insert((*program, *currency)),
                _ => {}
            }
        }
        for key in relied_on.keys.keys().filter(|key| !ledger.keys.contains_key(key)) {
            *self.present.keys.entry(*key).or_default() += 1;
        }
        idents.into_iter().for_each(|ident| *self.present.idents.entry(ident).or_default() += 1);
        budgets.into_iter().for_each(|budget| *self.present.budgets.entry(budget).or_default() += 1);
    }
}

fn version<K: Eq + std::hash::Hash>(versions: &HashMap<K, u64>, row: &K) -> u64 {
    versions.get(row).copied().unwrap_or(0)
}

fn changed<K: Eq + std::hash::Hash>(
    present: &HashMap<K, u64>,
    relied_on: &HashMap<K, u64>,
    checks_absence: bool,
) -> bool {
    let checked = relied_on.iter().filter(|(_, version)| checks_absence || **version > 0);
    checked.into_iter().any(|(row, looked_up)| version(present, row) != *looked_up)
}
