//! How many events of whom this edge refused, until the log has the number.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use schemas::{
    decision::EventKind,
    event::{EdgeCount, EdgeCounts},
    ids::CompanyId,
};

#[derive(Default)]
pub struct RefusedCounts {
    counts: Mutex<HashMap<(CompanyId, EventKind), u64>>,
}

impl RefusedCounts {
    pub fn add(&self, company: CompanyId, kind: EventKind) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((company, kind)).or_default() += 1;
    }

    /// What was counted since the last time, in a fixed order; None if nothing was.
    pub fn take(&self) -> Option<EdgeCounts> {
        let taken = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let mut counts: Vec<EdgeCount> =
            taken.into_iter().map(|((company, kind), refused)| EdgeCount { company, kind, refused }).collect();
        counts.sort_unstable_by_key(|count| (count.company, count.kind));
        (!counts.is_empty()).then_some(EdgeCounts { counts })
    }
}
