//! What a stretch of the log came to, made again from the log and what the ledger decided there; nothing is decided anew.

use std::collections::BTreeMap;

use metrics::counter;
use rules::replay::{ClickException, remembered};
use schemas::{
    decision::Outcome,
    event::{Body, Logged},
    ids::LinkId,
    time::TimeMs,
};
use stores::{
    StoreError,
    facts::Whole,
    ledger::{LedgerNeeds, Plan},
};

use crate::{
    ProcessError,
    memory::Memory,
    owner::Deps,
    read::{Stretch, read},
};

/// Events made good at a time.
pub(crate) const STRETCH: usize = 8_192;

/// The facts of a planned block. Of a stretch that the log has dropped meanwhile they are what the ledger has: the conversions.
pub(crate) async fn facts(deps: &Deps, partition: u32, plan: Plan, incarnation: u32) -> Result<Whole, ProcessError> {
    let decided = deps.ledger.decided(partition, plan.from, plan.to).await?;
    let mut facts = deps.facts.gather(incarnation);
    for change in decided.changes.into_values().flatten() {
        facts.push_change(change);
    }
    let mut from = plan.from;
    while from < plan.to {
        let stretch = match next(deps, partition, from, plan.to).await {
            // The others must not wait for what does not come back.
            Err(ProcessError::Store(StoreError::LogLost { start, .. })) if from < start => {
                let to = start.min(plan.to);
                tracing::error!(
                    partition,
                    from,
                    to,
                    "facts lack the clicks of these offsets: the log has dropped them"
                );
                counter!("refmill_facts_lost_offsets_total").increment(to - from);
                from = start;
                continue;
            }
            stretch => stretch?,
        };
        let Some(stretch) = stretch else { break };
        from = stretch.to;
        for logged in stretch.events {
            let exception = exception(&decided.click_exceptions, &logged);
            facts.push_record(logged, exception);
        }
    }
    Ok(facts.whole())
}

/// Takes into memory what the log has at the offsets from `from` on and before `to`; how far that is.
pub(crate) async fn remember(
    deps: &Deps,
    partition: u32,
    from: u64,
    to: u64,
    memory: &mut Memory,
) -> Result<u64, ProcessError> {
    let Some(stretch) = next(deps, partition, from, to).await? else { return Ok(to) };
    let decided = deps.ledger.decided(partition, stretch.from, stretch.to).await?;
    for logged in &stretch.events {
        for effect in remembered(logged, exception(&decided.click_exceptions, logged)) {
            memory.take_in(&effect);
        }
        if matches!(logged.event.body, Body::Tick) {
            memory.forget(logged.appended_at);
        }
    }
    await_again(deps, &stretch.events, memory).await?;
    Ok(stretch.to)
}

async fn next(deps: &Deps, partition: u32, from: u64, to: u64) -> Result<Option<Stretch>, ProcessError> {
    let max = STRETCH.min(usize::try_from(to - from).unwrap_or(STRETCH));
    read(&deps.log, partition, from, to, max).await
}

/// Sales that wait for a late click are the ledger's to know.
async fn await_again(deps: &Deps, events: &[Logged], memory: &mut Memory) -> Result<(), ProcessError> {
    let links: BTreeMap<LinkId, TimeMs> =
        events.iter().flat_map(links_of).map(|link| (link, TimeMs(i64::MIN))).collect();
    if links.is_empty() {
        return Ok(());
    }
    let fetched = deps.ledger.fetch(LedgerNeeds { awaiting: links, ..LedgerNeeds::default() }).await?;
    for (link, waiting) in fetched.awaiting {
        for awaiting in waiting {
            let (company, conversion, at) = (awaiting.company, awaiting.conversion, awaiting.at);
            memory.take_in(&rules::Effect::Await { company, link, conversion, at });
        }
    }
    Ok(())
}

fn links_of(logged: &Logged) -> Vec<LinkId> {
    let claim = match &logged.event.body {
        Body::Lead(claim) => claim.as_ref(),
        Body::Sale(sale) => &sale.claim,
        _ => return Vec::new(),
    };
    claim.code_link.into_iter().chain(claim.receipt.map(|receipt| receipt.fields().link)).collect()
}

fn exception(exceptions: &BTreeMap<u64, Option<Outcome>>, logged: &Logged) -> Option<ClickException> {
    exceptions.get(&logged.position.offset).map(|outcome| outcome.map_or(ClickException::Copy, ClickException::Found))
}
