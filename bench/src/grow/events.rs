//! More and more events in one deployment.

use super::{EVENTS_A_BATCH, Written, step};
use crate::{
    contestant::Contestant,
    load,
    place::Opened,
    record::{Crowd, Load, Scenario},
};

/// Of one load, as its receipts are kept to be counted again: a whole number of batches.
const EVENTS_AT_ONCE: u64 = 30_000_000;
const _: () = assert!(EVENTS_AT_ONCE <= load::EVENTS_MAX && EVENTS_AT_ONCE.is_multiple_of(EVENTS_A_BATCH as u64));

pub(super) async fn grow(contestant: &Contestant, written: &mut Written) -> anyhow::Result<()> {
    if written.args.events.is_empty() {
        return Ok(());
    }
    let opened = Opened::start(contestant, &written.args.places, false).await?;
    written.document.machine.versions.extend(opened.place.versions.clone());
    let growing = in_steps(&opened, written).await;
    opened.close().await;
    growing
}

async fn in_steps(opened: &Opened, written: &mut Written) -> anyhow::Result<()> {
    let nth = written.begin("clicks in batches");
    let mut kept = 0;
    let mut idle = None;
    for (up_to, stage) in written.args.events.clone().into_iter().zip(0..) {
        let args = &written.args;
        // Those that it is warmed by are kept too.
        let warm = if stage == 0 { step::warm_events(up_to) } else { 0 };
        let most = Crowd { events: Some(EVENTS_AT_ONCE), ..Crowd::default() };
        let most = load::requests(&args.load(Scenario::Batch, 0, most))? * u64::from(EVENTS_A_BATCH);
        let loads: Vec<Load> = parts(up_to.saturating_sub(kept + warm), most)
            .zip(0..)
            .map(|(events, part)| {
                let crowd = Crowd { events: Some(events), ..Crowd::default() };
                args.load(Scenario::Batch, stage * 1_000 + part, crowd)
            })
            .collect();
        if loads.is_empty() {
            continue;
        }
        let keys = opened.place.names.codes.len() as u64;
        let step = step::step(opened, &loads, keys, args, &mut idle).await?;
        kept = step.events;
        written.document.growths[nth].steps.push(step);
        written.keep()?;
    }
    Ok(())
}

/// So many events in whole batches, in as few parts as may be.
fn parts(events: u64, most: u64) -> impl Iterator<Item = u64> {
    let batch = u64::from(EVENTS_A_BATCH);
    let events = events.div_ceil(batch) * batch;
    (0..events.div_ceil(most)).map(move |part| most.min(events - part * most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_batches_that_one_load_may_have() {
        for (events, most, expected) in [
            (0, EVENTS_AT_ONCE, vec![]),
            (1, EVENTS_AT_ONCE, vec![100]),
            (1_000_000, EVENTS_AT_ONCE, vec![1_000_000]),
            (30_000_000, EVENTS_AT_ONCE, vec![30_000_000]),
            (90_000_050, EVENTS_AT_ONCE, vec![30_000_000, 30_000_000, 30_000_000, 100]),
            (2_000, 800, vec![800, 800, 400]),
        ] {
            assert_eq!(parts(events, most).collect::<Vec<_>>(), expected, "{events} by {most}");
        }
    }
}
