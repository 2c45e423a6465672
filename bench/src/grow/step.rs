//! One step: what was there, its clicks, what is there then, and how long dashboards take over it, with some orders among the clicks.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::Args;
use crate::{
    audit,
    cost::Idle,
    dashboards::{self, Viewer},
    load::progress::Progress,
    place::{Opened, Place},
    record::{Crowd, GrowthStep, Load, Offered, ProcessCost, Run, Scenario, StoreBytes},
    run::{self, How, Rest},
    text,
};

const WARM_EVENTS: u64 = 50_000;
const WARM_SECONDS_MAX: u32 = 60;

pub(super) async fn step(
    opened: &Opened,
    loads: &[Load],
    keys: u64,
    args: &Args,
    known_idle: &mut Option<Arc<Idle>>,
) -> anyhow::Result<GrowthStep> {
    let place = &opened.place;
    let idle = match (&*known_idle, loads.first()) {
        (Some(idle), _) => idle.clone(),
        (None, first) => {
            if let Some(load) = first {
                warm_up(place, load, args).await?;
            }
            let over = Duration::from_secs(args.idle_seconds.into());
            known_idle.insert(Arc::new(Idle::watch(&place.processes, over).await)).clone()
        }
    };
    let how = args.how(Rest::Known(idle));
    let before = audit::sizes(&place.stores).await?;
    let mut runs = Vec::new();
    for load in loads {
        runs.push(measured(place, load, &how).await?);
    }
    let after = audit::sizes(&place.stores).await?;
    let sent = runs.iter().map(|run| run.answers.events_acknowledged).sum();
    let costs = costs(&runs);
    if args.orders > 0 && place.names.key.is_some() {
        let crowd = Crowd { events: Some(args.orders), ..Crowd::default() };
        let orders = Load { offered: Offered::AsAnswered, ..args.load(Scenario::Conversion, keys, crowd) };
        runs.push(measured(place, &orders, &how).await?);
    }
    let rows = audit::rows(&place.stores).await?;
    let queries = match viewer(opened) {
        Some(viewer) => dashboards::measure(&viewer, args.times).await?,
        None => Vec::new(),
    };
    println!("{}", text::queries(&queries, &rows));
    let own = costs.iter().filter(|cost| is_own(opened, cost));
    Ok(GrowthStep {
        events: rows.get("clicks").copied().unwrap_or(sent),
        keys,
        cpu_ns_an_event: costs.iter().map(|cost| cost.cpu_ns).sum::<u64>() / sent.max(1),
        memory_bytes: own.map(|cost| cost.peak_memory_bytes).sum(),
        disk_bytes: after.values().sum(),
        queries_us: dashboards::p95s(&queries),
        sent,
        costs,
        stores: stores(&before, &after),
        queries,
        rows,
        started_in_ms: opened.told().and_then(|told| told.started_in_ms),
        runs,
    })
}

async fn measured(place: &Place, load: &Load, how: &How) -> anyhow::Result<Run> {
    let run = run::measure(place, load, how, &Progress::where_seen()).await?;
    println!("{}", text::run(&run));
    Ok(run)
}

/// What is sent to get warm is in all stores before any of them is looked at.
async fn warm_up(place: &Place, load: &Load, args: &Args) -> anyhow::Result<()> {
    let events = Some(load.crowd.events.map_or(WARM_EVENTS, warm_events));
    let load = Load { crowd: Crowd { events, ..load.crowd }, ..load.clone() };
    let how = How { warm_seconds: WARM_SECONDS_MAX, ..args.how(Rest::Watch(Duration::ZERO)) };
    run::warm_up(place, &load, &how, &run::fresh_run_id(), &Progress::where_seen()).await?;
    audit::Counts::now(&place.stores).await.map(drop)
}

/// So many clicks get a deployment warm that is to be sent these.
pub(super) fn warm_events(events: u64) -> u64 {
    WARM_EVENTS.min(events / 10)
}

/// Of the contestant's own processes, before the load.
pub(super) fn memory_at_rest(opened: &Opened, step: &GrowthStep) -> u64 {
    step.costs.iter().filter(|cost| is_own(opened, cost)).map(|cost| cost.idle_memory_bytes).sum()
}

fn is_own(opened: &Opened, cost: &ProcessCost) -> bool {
    opened.told().is_some_and(|told| told.processes.iter().any(|process| process.name == cost.name))
}

/// The company that has all the links, and the affiliate whose is the first.
fn viewer(opened: &Opened) -> Option<Viewer> {
    let Place { names, aim, .. } = &opened.place;
    let told = opened.told()?;
    Some(Viewer {
        api: names.api.clone().unwrap_or_else(|| aim.clone()),
        key: names.key.clone()?,
        code: names.codes.first().cloned(),
        affiliate: told.affiliate.clone().zip(told.mails.clone()),
    })
}

/// Each process over all loads: what it used is added up, of its peaks the highest counts, and at rest it was before the first.
fn costs(runs: &[Run]) -> Vec<ProcessCost> {
    let mut costs: Vec<ProcessCost> = Vec::new();
    for cost in runs.iter().flat_map(|run| &run.costs) {
        let Some(known) = costs.iter_mut().find(|known| known.name == cost.name) else {
            costs.push(cost.clone());
            continue;
        };
        known.cpu_ns += cost.cpu_ns;
        known.written_bytes += cost.written_bytes;
        known.peak_memory_bytes = known.peak_memory_bytes.max(cost.peak_memory_bytes);
        for (part, ns) in &cost.parts_cpu_ns {
            *known.parts_cpu_ns.entry(part.clone()).or_default() += ns;
        }
    }
    costs
}

fn stores(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, StoreBytes> {
    let each = after.iter().map(|(name, after)| {
        let before = before.get(name).copied().unwrap_or_default();
        (name.clone(), StoreBytes { before, after: *after })
    });
    each.collect()
}
