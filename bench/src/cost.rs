//! What processes use, by the operating system's own accounting. The difference of two readings is what was used in between.

mod tree;
mod used;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::record::ProcessCost;
use tree::{Kin, Tree};
use used::Used;

/// A process that is measured, with all that it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// As [`ProcessCost`] has it.
    pub(crate) name: String,
    pub(crate) pid: u32,
}

/// What each process had used at one moment.
pub(crate) struct Reading {
    at: Instant,
    /// None for one that was not there.
    trees: Vec<(Process, Option<Tree>)>,
}

/// What processes use while nobody asks anything of them.
#[derive(Debug)]
pub(crate) struct Idle {
    over: Duration,
    each: Vec<(Process, Used)>,
}

/// Peaks of memory are counted from here on, where the system lets us say so; elsewhere from a process's start. [`Idle::watch`] ends with
/// it: who does not watch calls it before the load.
pub(crate) fn forget_peaks(processes: &[Process]) {
    let kin = Kin::now();
    processes.iter().for_each(|process| tree::forget_peaks(process.pid, &kin));
}

impl Reading {
    pub(crate) fn now(processes: &[Process]) -> Reading {
        let kin = Kin::now();
        let at = Instant::now();
        let trees = processes.iter().map(|process| (process.clone(), Tree::read(process.pid, &kin))).collect();
        Reading { at, trees }
    }

    /// By process, in this reading's order. One that was not there all along is not among them: see [`Reading::doubts_since`].
    pub(crate) fn cost_since(&self, earlier: &Reading, idle: Option<&Idle>) -> Vec<ProcessCost> {
        let over = self.at.saturating_duration_since(earlier.at);
        let cost = |process: &Process, before: &Tree, now: &Tree| {
            let mut used = now.used_since(before);
            if let Some((anyway, rested)) = idle.and_then(|idle| Some((idle.of(process)?, idle.over))) {
                used.take_off(anyway, over, rested);
            }
            ProcessCost {
                name: process.name.clone(),
                cpu_ns: used.cpu_ns,
                peak_memory_bytes: now.peak_bytes(),
                idle_memory_bytes: before.memory_bytes(),
                written_bytes: used.written_bytes,
                parts_cpu_ns: used.parts(),
            }
        };
        self.since(earlier)
            .filter_map(|(process, trees)| trees.map(|(before, now)| cost(process, before, now)))
            .collect()
    }

    /// Why the costs since then say less than they should, a sentence each; none where they say all.
    pub(crate) fn doubts_since(&self, earlier: &Reading) -> Vec<String> {
        let doubt = |(process, trees): (&Process, Option<(&Tree, &Tree)>)| {
            let Process { name, pid } = process;
            match trees {
                None => Some(format!("{name} (process {pid}) was not there all along, so what it used is not known")),
                Some((_, now)) if !now.tells_what_it_wrote() => {
                    Some(format!("what {name} (process {pid}) wrote may not be read by this user"))
                }
                Some(_) => None,
            }
        };
        self.since(earlier).filter_map(doubt).collect()
    }

    /// Each process with what was read of it then and now, where it is the same one.
    fn since<'a>(&'a self, earlier: &'a Reading) -> impl Iterator<Item = (&'a Process, Option<(&'a Tree, &'a Tree)>)> {
        self.trees.iter().map(|(process, now)| {
            let before = earlier.trees.iter().find(|(known, _)| known == process).and_then(|(_, tree)| tree.as_ref());
            (process, before.zip(now.as_ref()).filter(|(before, now)| now.is_same(before)))
        })
    }
}

impl Idle {
    /// Watches for so long. Peaks of memory are counted from its end on.
    pub(crate) async fn watch(processes: &[Process], over: Duration) -> Idle {
        let before = Reading::now(processes);
        sleep(over).await;
        let after = Reading::now(processes);
        forget_peaks(processes);
        let at_rest = |(process, trees): (&Process, Option<(&Tree, &Tree)>)| {
            let (before, now) = trees?;
            Some((process.clone(), now.used_since(before)))
        };
        let each = after.since(&before).filter_map(at_rest).collect();
        Idle { over: after.at.saturating_duration_since(before.at), each }
    }

    fn of(&self, process: &Process) -> Option<&Used> {
        self.each.iter().find(|(known, _)| known == process).map(|(_, used)| used)
    }
}
