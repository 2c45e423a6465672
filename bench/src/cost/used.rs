use std::{collections::BTreeMap, time::Duration};

/// So many parts are told apart, those that use most; the others are one.
const PARTS_MAX: usize = 12;

/// Of threads and children that have ended: nobody knows any more which they were.
pub(super) const ENDED: &str = "(ended)";

const OTHERS: &str = "(others)";

/// What a process and its children used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) cpu_ns: u64,
    pub(super) written_bytes: u64,
    /// By the names of threads.
    pub(super) cpu_ns_by_part: BTreeMap<String, u64>,
}

impl Used {
    /// Takes off what is used anyway in this time, knowing what was `used` in that of `rested`.
    pub(super) fn take_off(&mut self, used: &Used, over: Duration, rested: Duration) {
        let anyway = |used: u64| {
            let part = u128::from(used) * over.as_nanos() / rested.as_nanos().max(1);
            u64::try_from(part).unwrap_or(u64::MAX)
        };
        self.cpu_ns = self.cpu_ns.saturating_sub(anyway(used.cpu_ns));
        self.written_bytes = self.written_bytes.saturating_sub(anyway(used.written_bytes));
        for (name, part) in &mut self.cpu_ns_by_part {
            *part = part.saturating_sub(anyway(used.cpu_ns_by_part.get(name).copied().unwrap_or_default()));
        }
    }

    pub(super) fn parts(&self) -> BTreeMap<String, u64> {
        let mut most: Vec<(&String, u64)> = self.cpu_ns_by_part.iter().map(|(name, ns)| (name, *ns)).collect();
        most.retain(|(_, ns)| *ns > 0);
        most.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
        let (told, others) = most.split_at(most.len().min(PARTS_MAX));
        let mut parts: BTreeMap<String, u64> = told.iter().map(|(name, ns)| ((*name).clone(), *ns)).collect();
        if !others.is_empty() {
            parts.insert(OTHERS.to_owned(), others.iter().map(|(_, ns)| ns).sum());
        }
        parts
    }
}

/// Threads of one kind are numbered.
pub(super) fn part_of(thread: &str) -> String {
    let kind = thread.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['#', '-', '_', '/', ':', ' ']);
    if kind.is_empty() { thread.to_owned() } else { kind.to_owned() }
}
