//! Taking a partition: the log must be the one that was decided, and what the last owner left undone is made good.

use std::{collections::BTreeMap, time::Instant};

use rules::{
    Effect,
    replay::{ClickException, click_fact, remembered},
};
use schemas::{
    decision::Outcome,
    event::{Body, Logged},
    facts::Fact,
    ids::{LinkId, Position},
    time::TimeMs,
};
use stores::{
    facts::Block,
    ledger::{LedgerNeeds, Plan, Progress, Taken},
};
use tokio::sync::{mpsc, watch};

use crate::{
    ProcessError,
    block::OpenBlock,
    facts,
    memory::Memory,
    owner::{Deps, Limits, Owner},
    publish::Replies,
    read::read,
};

/// Events made good at a time.
const STRETCH: usize = 8_192;

pub(crate) async fn take(
    deps: Deps,
    limits: Limits,
    partition: u32,
    blocks: mpsc::Sender<Block>,
    replies: mpsc::Sender<Replies>,
    published: watch::Receiver<u64>,
) -> Result<Owner, ProcessError> {
    let taken = deps.ledger.take(partition).await?;
    let progress = taken.progress;
    check_log(&deps, partition, &progress).await?;
    let published_saved = publish_left(&deps, partition, &taken).await?;
    write_planned(&deps, partition, &taken).await?;
    write_unplanned(&deps, partition, &taken).await?;
    let memory = remember(&deps, partition, taken.epoch, progress.next).await?;
    Ok(Owner {
        limits,
        partition,
        epoch: taken.epoch,
        next: progress.next,
        memory,
        touches_saved: progress.next,
        block: OpenBlock::new(partition, progress.incarnation, progress.next),
        blocks,
        replies,
        published,
        published_saved,
        settling: Default::default(),
        settled_up_to: 0,
        settles_left: true,
        ticked_at: TimeMs(0),
        touches_saved_at: Instant::now(),
        deps,
    })
}

/// The record before the one that comes next must be the one that was decided last.
async fn check_log(deps: &Deps, partition: u32, progress: &Progress) -> Result<(), ProcessError> {
    let (Some(expected), Some(offset)) = (progress.last_event, progress.next.checked_sub(1)) else { return Ok(()) };
    let found = read(&deps.log, partition, offset, 1).await?;
    // One that nobody could decode has no id to compare.
    if found.as_ref().is_some_and(|stretch| stretch.events.is_empty() && !stretch.quarantined.is_empty()) {
        return Ok(());
    }
    let found =
        found.and_then(|stretch| stretch.events.first().map(|logged| (logged.position.offset, logged.event.id)));
    if found == Some((offset, expected)) {
        Ok(())
    } else {
        Err(ProcessError::LogWentBack { at: Position { partition, offset }, expected })
    }
}

/// Publishes the replies that were committed and perhaps not published.
async fn publish_left(deps: &Deps, partition: u32, taken: &Taken) -> Result<u64, ProcessError> {
    let mut published = taken.progress.published;
    loop {
        let due = deps.ledger.replies_from(partition, published).await?;
        let Some(last) = due.last() else { break };
        published = last.batch_from + 1;
        deps.log.publish(due.into_iter().map(|reply| (reply.reply_to, reply.record)).collect()).await?;
    }
    if published > taken.progress.published {
        deps.ledger.set_published(partition, taken.epoch, published).await?;
    }
    Ok(published)
}

/// Writes blocks that were planned and perhaps not written.
async fn write_planned(deps: &Deps, partition: u32, taken: &Taken) -> Result<(), ProcessError> {
    for plan in &taken.open_plans {
        write(deps, partition, taken, *plan).await?;
    }
    Ok(())
}

/// Plans and writes what was decided and never planned.
async fn write_unplanned(deps: &Deps, partition: u32, taken: &Taken) -> Result<(), ProcessError> {
    let Progress { planned_up_to, next, .. } = taken.progress;
    let mut from = planned_up_to;
    while from < next {
        let plan = Plan { from, to: next.min(from + STRETCH as u64) };
        deps.ledger.plan(partition, taken.epoch, plan).await?;
        write(deps, partition, taken, plan).await?;
        from = plan.to;
    }
    Ok(())
}

async fn write(deps: &Deps, partition: u32, taken: &Taken, plan: Plan) -> Result<(), ProcessError> {
    let facts = made_again(deps, partition, plan).await?;
    let block = Block { partition, from: plan.from, to: plan.to, incarnation: taken.progress.incarnation, facts };
    facts::insert(&deps.facts, block).await?;
    deps.ledger.mark(partition, plan).await?;
    Ok(())
}

/// The facts of a stretch, from the log and what the ledger decided there; nothing is decided anew.
async fn made_again(deps: &Deps, partition: u32, plan: Plan) -> Result<Vec<Fact>, ProcessError> {
    let decided = deps.ledger.decided(partition, plan.from, plan.to).await?;
    let mut facts: Vec<Fact> =
        decided.changes.into_values().flatten().map(|change| Fact::Change(Box::new(change))).collect();
    let mut from = plan.from;
    while from < plan.to {
        let max = STRETCH.min(usize::try_from(plan.to - from).unwrap_or(STRETCH));
        let Some(stretch) = read(&deps.log, partition, from, max).await? else { break };
        facts.extend(
            stretch.events.iter().filter_map(|logged| click_fact(logged, exception(&decided.click_exceptions, logged))),
        );
        from = stretch.to;
    }
    Ok(facts)
}

/// Loads what was saved of touches and takes in what the log has had since.
async fn remember(deps: &Deps, partition: u32, epoch: u64, next: u64) -> Result<Memory, ProcessError> {
    let loaded = deps.touches.load(partition).await?;
    let mut memory = Memory::new(loaded.touches);
    let mut from = loaded.next;
    while from < next {
        let max = STRETCH.min(usize::try_from(next - from).unwrap_or(STRETCH));
        let Some(stretch) = read(&deps.log, partition, from, max).await? else { break };
        let decided = deps.ledger.decided(partition, stretch.from, stretch.to).await?;
        for logged in &stretch.events {
            for effect in remembered(logged, exception(&decided.click_exceptions, logged)) {
                memory.take_in(&effect);
            }
            if matches!(logged.event.body, Body::Tick) {
                memory.forget(logged.appended_at);
            }
        }
        await_again(deps, &stretch.events, &mut memory).await?;
        deps.touches.save(partition, epoch, from, stretch.to, memory.delta()).await?;
        memory.saved();
        from = stretch.to;
    }
    Ok(memory)
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
            memory.take_in(&Effect::Await { company, link, conversion, at });
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
