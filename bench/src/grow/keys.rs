//! More and more links, and visitors: each number in a deployment of its own, under as many clicks.

use std::sync::Arc;

use super::{Args, Written, step};
use crate::{
    contestant::Contestant,
    cost::Idle,
    place::Opened,
    record::{Crowd, GrowthStep, Scenario, Spreading},
};

const SPREADINGS: [(Spreading, &str); 2] =
    [(Spreading::Even, "links, clicked alike"), (Spreading::Zipf, "links, clicked by Zipf's law")];

/// More can't be allowed to an address.
const CLICKS_PER_HOUR_MAX: u64 = 1_000_000;

/// Rows are put into the catalog before its roles start. The first load finds a process that has just started: what it holds at rest
/// is the links'.
pub(super) async fn links(contestant: &Contestant, written: &mut Written) -> anyhow::Result<()> {
    if written.args.links.is_empty() {
        return Ok(());
    }
    let nth = SPREADINGS.map(|(_, what)| written.begin(what));
    for links in written.args.links.clone() {
        let mut contestant = contestant.clone();
        contestant.set("BENCH_LINKS", links);
        let opened = Opened::start(&contestant, &written.args.places, false).await?;
        written.document.machine.versions.extend(opened.place.versions.clone());
        let (mut at_rest, mut idle) = (None, None);
        for ((spreading, _), nth) in SPREADINGS.into_iter().zip(nth) {
            let events = Some(written.args.link_clicks);
            let crowd = Crowd { events, links: spreading, ..Crowd::default() };
            let step = measured(&opened, links, crowd, Scenario::Batch, &written.args, &mut idle).await;
            let Ok(mut step) = step else {
                opened.close().await;
                return step.map(drop);
            };
            step.memory_bytes = *at_rest.get_or_insert_with(|| step::memory_at_rest(&opened, &step));
            written.document.growths[nth].steps.push(step);
            written.keep()?;
        }
        opened.close().await;
    }
    Ok(())
}

/// Each clicks alone, as people do. No address comes to its limit, as few visitors click as often as many.
pub(super) async fn visitors(contestant: &Contestant, written: &mut Written) -> anyhow::Result<()> {
    let Some(most) = written.args.visitors.last().copied() else { return Ok(()) };
    let nth = written.begin("visitors, a click a request");
    for visitors in written.args.visitors.clone() {
        let mut contestant = contestant.clone();
        let events = written.args.visitor_clicks.unwrap_or(most);
        contestant.set("REFMILL_CLICKS_PER_IP_PER_HOUR", events.min(CLICKS_PER_HOUR_MAX));
        let opened = Opened::start(&contestant, &written.args.places, false).await?;
        written.document.machine.versions.extend(opened.place.versions.clone());
        let crowd = Crowd { events: Some(events), visitors: Some(visitors), ..Crowd::default() };
        let step = measured(&opened, visitors, crowd, Scenario::Click, &written.args, &mut None).await;
        opened.close().await;
        written.document.growths[nth].steps.push(step?);
        written.keep()?;
    }
    Ok(())
}

/// By what it was loaded with: the clicks that warmed it up are no part of what is alike in each.
async fn measured(
    opened: &Opened,
    keys: u64,
    crowd: Crowd,
    scenario: Scenario,
    args: &Args,
    idle: &mut Option<Arc<Idle>>,
) -> anyhow::Result<GrowthStep> {
    let load = args.load(scenario, keys, crowd);
    let step = step::step(opened, &[load], keys, args, idle).await?;
    Ok(GrowthStep { events: step.sent, ..step })
}
