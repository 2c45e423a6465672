//! What follows from what a run has left, for every place that shows it.

use crate::record::{Acknowledges, Offered, ProcessCost, Quantiles, Run, Stage};

use super::{labels, numbers::over};

/// Events that its cost is spread over: those whose answer said that they are kept. A control keeps nothing: all that it answered well.
pub(crate) fn events(run: &Run) -> u64 {
    if run.target.acknowledges == Acknowledges::Nothing && run.answers.events_acknowledged == 0 {
        let well = run.answers.by_status.iter().filter(|(status, _)| (200..400).contains(*status));
        let requests = well.map(|(_, requests)| *requests).fold(0, u64::saturating_add);
        return requests.saturating_mul(run.load.events_a_request.into());
    }
    run.answers.events_acknowledged
}

pub(crate) fn cpu_ns_an_event(run: &Run, cpu_ns: u64) -> Option<u64> {
    over(cpu_ns, 1, events(run))
}

/// Of all processes but brokers and databases.
pub(crate) fn own_cpu_ns_an_event(run: &Run) -> Option<u64> {
    let own = run.costs.iter().filter(|cost| !labels::is_server(&cost.name)).map(|cost| cost.cpu_ns);
    cpu_ns_an_event(run, own.reduce(u64::saturating_add)?)
}

pub(crate) fn all_cpu_ns_an_event(run: &Run) -> Option<u64> {
    cpu_ns_an_event(run, run.costs.iter().map(|cost| cost.cpu_ns).reduce(u64::saturating_add)?)
}

pub(crate) fn events_a_second(run: &Run) -> Option<u64> {
    over(events(run), 1_000_000, run.answers.took_us)
}

pub(crate) fn stage_events_a_second(stage: &Stage) -> Option<u64> {
    over(stage.events, 1_000_000, stage.after_us)
}

pub(crate) fn stage<'a>(run: &'a Run, name: &str) -> Option<&'a Stage> {
    run.stages.iter().find(|stage| stage.name == name)
}

/// From the last answer until all of it was where it ends; none where nobody could look.
pub(crate) fn drain_us(run: &Run) -> Option<u64> {
    let acknowledged = stage(run, "acknowledged")?;
    let others = run.stages.iter().filter(|stage| stage.name != acknowledged.name);
    Some(others.map(|stage| stage.after_us).max()?.saturating_sub(acknowledged.after_us))
}

/// An open loop's alone: in a closed one a slow answer keeps the next request from being late.
pub(crate) fn tells_latency(run: &Run) -> bool {
    matches!(run.load.offered, Offered::Rate(_)) && run.answers.latency.count > 0
}

/// µs that this share did not exceed, where so many were counted that at least one could.
pub(crate) fn quantile(of: &Quantiles, share_ppm: u32) -> Option<u64> {
    of.at(share_ppm).filter(|_| is_counted(of, share_ppm))
}

pub(crate) fn is_counted(of: &Quantiles, share_ppm: u32) -> bool {
    let beyond = 1_000_000_u64.saturating_sub(share_ppm.into());
    of.count.saturating_mul(beyond) >= 1_000_000
}

pub(crate) fn peak_memory_bytes(run: &Run) -> Option<u64> {
    run.costs.iter().map(|cost| cost.peak_memory_bytes).reduce(u64::saturating_add)
}

pub(crate) fn written_bytes_an_event(run: &Run, cost: &ProcessCost) -> Option<u64> {
    over(cost.written_bytes, 1, events(run))
}

/// What a second count said of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audited {
    No,
    Holds { lines: usize },
    Broken { lines: usize, broken: usize },
}

pub(crate) fn audited(run: &Run) -> Audited {
    let lines = run.audit.len();
    match run.audit.iter().filter(|line| !line.holds()).count() {
        0 if lines == 0 => Audited::No,
        0 => Audited::Holds { lines },
        broken => Audited::Broken { lines, broken },
    }
}
