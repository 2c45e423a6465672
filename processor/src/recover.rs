//! Taking a partition: the log must be the one that was decided, and what the last owner left undone is made good.

use metrics::counter;
use schemas::ids::Position;
use stores::ledger::{Plan, Progress, Taken};
use tokio::sync::watch;

use crate::{ProcessError, again, block::OFFSETS_MAX, facts::Writer, memory::Memory, owner::Deps, read::read};

/// What an owner begins with.
pub(crate) struct Recovered {
    pub(crate) epoch: u64,
    pub(crate) progress: Progress,
    pub(crate) published: u64,
    pub(crate) memory: Memory,
    /// What is kept of touches is older than this memory.
    pub(crate) touches_behind: bool,
    pub(crate) writer: Writer,
    /// Blocks of facts that are still to be written, in order.
    pub(crate) plans: Vec<Plan>,
}

pub(crate) async fn take(deps: &Deps, partition: u32) -> Result<Recovered, ProcessError> {
    let taken = deps.ledger.take(partition).await?;
    let progress = taken.progress;
    check_log(deps, partition, &progress).await?;
    let published = publish_left(deps, partition, &taken).await?;
    let epoch = above_touches(deps, partition, taken.epoch).await?;
    let Remembered { memory, behind: touches_behind, .. } = remember(deps, partition, progress.next).await?;
    let taken = Taken { epoch, ..taken };
    let Taken { marked_up_to, doubt, .. } = taken;
    deps.facts.resume(partition, marked_up_to);
    let incarnation = watch::Sender::new(progress.incarnation);
    let writer = Writer { deps: deps.clone(), partition, epoch, incarnation, marked_up_to, doubt };
    let plans = plans_left(deps, partition, taken).await?;
    Ok(Recovered { epoch, progress, published, memory, touches_behind, writer, plans })
}

/// The record before the one that comes next must be the one that was decided last, where the log still has it.
async fn check_log(deps: &Deps, partition: u32, progress: &Progress) -> Result<(), ProcessError> {
    let span = deps.log.span(partition).await?;
    if progress.next < span.start || progress.next > span.end {
        let (start, end) = (span.start, span.end);
        return Err(ProcessError::LogElsewhere { partition, next: progress.next, start, end });
    }
    let (Some(expected), Some(offset)) = (progress.last_event, progress.next.checked_sub(1)) else { return Ok(()) };
    if offset < span.start {
        return Ok(());
    }
    let found = read(&deps.log, partition, offset, progress.next, 1).await?;
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

/// Blocks that were planned and perhaps not written, and what was decided and never planned, planned now.
pub(crate) async fn plans_left(deps: &Deps, partition: u32, taken: Taken) -> Result<Vec<Plan>, ProcessError> {
    let Taken { epoch, progress, mut open_plans, .. } = taken;
    let mut from = progress.planned_up_to;
    while from < progress.next {
        let plan = Plan { from, to: progress.next.min(from + OFFSETS_MAX) };
        deps.ledger.plan(partition, epoch, plan).await?;
        open_plans.push(plan);
        from = plan.to;
    }
    Ok(open_plans)
}

/// A restored ledger counts takings from an older number on, and touches take nothing from an older owner.
pub(crate) async fn above_touches(deps: &Deps, partition: u32, epoch: u64) -> Result<u64, ProcessError> {
    let kept = deps.touches.epoch(partition).await?;
    if kept <= epoch {
        return Ok(epoch);
    }
    tracing::warn!(partition, epoch, kept, "touches know a later owner: the ledger was restored from an older copy");
    deps.ledger.raise_epoch(partition, epoch, kept + 1).await?;
    Ok(kept + 1)
}

/// What an owner knows of clicks at its beginning.
pub(crate) struct Remembered {
    pub(crate) memory: Memory,
    /// What was kept is older than this.
    pub(crate) behind: bool,
    /// It was made of the log from here on.
    pub(crate) from: u64,
}

/// Loads what was saved of touches and takes in what the log has had since.
pub(crate) async fn remember(deps: &Deps, partition: u32, next: u64) -> Result<Remembered, ProcessError> {
    let mut loaded = deps.touches.load(partition).await?;
    if loaded.next > next {
        tracing::warn!(
            partition,
            saved = loaded.next,
            next,
            "touches are ahead of the ledger, which was restored: making them anew"
        );
        loaded = Default::default();
    }
    let start = deps.log.span(partition).await?.start;
    let (mut memory, mut from) = if loaded.next < start {
        tracing::warn!(partition, saved = loaded.next, start, "touches are older than the log: taken from facts");
        (Memory::new(deps.facts.touches_before(partition, start).await?), start)
    } else {
        (Memory::new(loaded.touches), loaded.next)
    };
    if from < next {
        tracing::info!(partition, from, next, "touches are behind the ledger: reading the log again");
    }
    let behind = from < next || loaded.next != next;
    let began = from;
    while from < next {
        from = again::remember(deps, partition, from, next, &mut memory).await?;
        counter!("refmill_touches_replayed_total").increment(1);
    }
    Ok(Remembered { memory, behind, from: began })
}
