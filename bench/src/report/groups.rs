//! Runs that belong in one chart. Those that were discarded are in none.

use crate::record::{Comparison, Document, Run, Target};

use super::{
    figures::{self, Audited},
    labels,
};

pub(crate) struct Group<'a> {
    pub(crate) title: String,
    /// What holds for all of them.
    pub(crate) shared: String,
    pub(crate) of: Of,
    pub(crate) runs: Vec<Named<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Runs,
    /// Each target's run in the middle.
    Comparison,
    Sweep,
}

pub(crate) struct Named<'a> {
    /// What sets it apart from the others of its group.
    pub(crate) name: String,
    pub(crate) run: &'a Run,
}

/// Single runs by what they send, then a run of each target of a comparison, then sweeps.
pub(crate) fn of(document: &Document) -> Vec<Group<'_>> {
    let mut groups: Vec<(String, Of, Vec<&Run>)> = Vec::new();
    for run in counted(&document.runs) {
        let title = labels::capital(&labels::kind(&run.load));
        match groups.iter_mut().find(|(known, ..)| *known == title) {
            Some((.., runs)) => runs.push(run),
            None => groups.push((title, Of::Runs, vec![run])),
        }
    }
    for comparison in &document.comparisons {
        let title = format!("Compared: {}", comparison.what);
        let runs = comparison.sides.iter().filter_map(|side| median_run(comparison, &side.target)).collect();
        groups.push((title, Of::Comparison, runs));
    }
    for sweep in &document.sweeps {
        let runs: Vec<&Run> = counted(&sweep.runs).collect();
        let target = runs.first().map(|run| format!("Sweep of {}", run.target.name));
        groups.push((target.unwrap_or_default(), Of::Sweep, runs));
    }
    let filled = groups.into_iter().filter(|(.., runs)| !runs.is_empty());
    filled.map(|(title, of, runs)| group(title, of, &runs)).collect()
}

pub(crate) fn counted(runs: &[Run]) -> impl Iterator<Item = &Run> {
    runs.iter().filter(|run| run.discarded.is_none())
}

/// Of a target's runs in a comparison, round by round.
pub(crate) fn rounds_of<'a>(comparison: &'a Comparison, target: &'a Target) -> impl Iterator<Item = &'a Run> {
    comparison.rounds.iter().flatten().filter(move |run| run.target.name == target.name)
}

/// The one in the middle by what its target's own processes cost.
fn median_run<'a>(comparison: &'a Comparison, target: &'a Target) -> Option<&'a Run> {
    let mut runs: Vec<&Run> = rounds_of(comparison, target).filter(|run| run.discarded.is_none()).collect();
    runs.sort_by_key(|run| figures::own_cpu_ns_an_event(run));
    runs.get(runs.len().saturating_sub(1) / 2).copied()
}

fn group<'a>(title: String, of: Of, runs: &[&'a Run]) -> Group<'a> {
    let (names, shared) = labels::apart(runs);
    let shared = shared.into_iter().filter(|part| !title.ends_with(part) && labels::capital(part) != title);
    let shared = shared.collect::<Vec<_>>().join(", ");
    let named = |(name, run): (String, &&'a Run)| match figures::audited(run) {
        Audited::Broken { .. } => Named { name: format!("{name}, audit does not hold"), run },
        Audited::No | Audited::Holds { .. } => Named { name, run },
    };
    let runs = names.into_iter().zip(runs).map(named).collect();
    Group { title, shared, of, runs }
}

/// A run and where in its document it stands.
pub(crate) struct Placed<'a> {
    /// Such as `comparison 1`, or the run itself where it stands alone.
    pub(crate) part: String,
    pub(crate) place: String,
    pub(crate) run: &'a Run,
}

/// All of them, discarded ones too: who asks looks first.
pub(crate) fn every(document: &Document) -> Vec<Placed<'_>> {
    let single = document.runs.iter().zip(1..).map(|(run, n)| {
        let place = format!("run {n}");
        Placed { part: place.clone(), place, run }
    });
    let sweeps = document.sweeps.iter().zip(1..).flat_map(|(sweep, s)| {
        let part = format!("sweep {s}");
        let steps = sweep.runs.iter().zip(1..);
        steps.map(move |(run, n)| Placed { part: part.clone(), place: format!("{part}, step {n}"), run })
    });
    let compared = document.comparisons.iter().zip(1..).flat_map(|(comparison, c)| {
        let rounds = comparison.rounds.iter().zip(1..);
        rounds.flat_map(move |(runs, r)| {
            let part = format!("comparison {c}");
            runs.iter().map(move |run| Placed { part: part.clone(), place: format!("{part}, round {r}"), run })
        })
    });
    let grown = document.growths.iter().zip(1..).flat_map(|(growth, g)| {
        let part = format!("growth {g}");
        let runs = growth.steps.iter().zip(1..).flat_map(|(step, n)| step.runs.iter().map(move |run| (n, run)));
        runs.map(move |(n, run)| Placed { part: part.clone(), place: format!("{part}, step {n}"), run })
    });
    single.chain(compared).chain(sweeps).chain(grown).collect()
}
