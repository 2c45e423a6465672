use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::*;
use crate::load::fake::Reply;

const STALL: Duration = Duration::from_millis(500);

/// From its hundredth request on it answers nobody for half a second.
async fn stalling() -> Fake {
    let until: Mutex<Option<Instant>> = Mutex::default();
    Fake::start(move |asked| {
        let mut until = until.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.number == 100 {
            *until = Some(Instant::now() + STALL);
        }
        let after = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        Reply { after, ..Reply::no_content() }
    })
    .await
}

/// A load that nothing is in the way of: sent once more where something was, since the machine may have had something else to do.
async fn unhindered(fake: &Fake, of: &Load, hands: Hands, is_well: impl Fn(&Loaded) -> bool) -> Loaded {
    let first = loaded(fake, of, &world(), hands).await;
    if is_well(&first) { first } else { loaded(fake, of, &world(), hands).await }
}

#[tokio::test]
async fn a_stall_shows_in_all_that_was_due_in_it() {
    let (stalled, quick) = (stalling().await, Fake::start(|_| Reply::no_content()).await);
    let load = clicks(500);
    let answers = loaded(&stalled, &load, &world(), HANDS).await.answers;
    assert_eq!((answers.requests, answers.failed), (500, 0));
    // 250 are due in it, so half of all wait: more than two in five wait longer than 50 ms.
    let (p60, max) = (answers.latency.at(600_000).expect("p60"), answers.latency.max_us);
    assert!(p60 >= 50_000, "{:?}", answers.latency);
    assert!(max >= 450_000, "{:?}", answers.latency);
    // Only eight connections were waiting for answers: whoever counts from when a request was sent sees those alone.
    let hidden = answers.service.at(900_000).expect("p90");
    assert!(hidden < p60, "{:?}", answers.service);
    // The control: without a stall there is nothing to see.
    let is_quick = |of: &Loaded| of.answers.latency.at(600_000).expect("p60") < 50_000;
    let control = unhindered(&quick, &load, HANDS, is_quick).await;
    assert!(is_quick(&control), "{:?}", control.answers.latency);
}

#[tokio::test]
async fn a_closed_loop_would_hide_the_stall() {
    let stalled = stalling().await;
    let load = Load { offered: Offered::AsAnswered, ..clicks(1) };
    let loaded = loaded(&stalled, &load, &world(), HANDS).await;
    assert!(loaded.answers.requests > 100, "{:?}", loaded.answers);
    // The eight that waited are all that shows of it, and latency is not told.
    assert!(loaded.answers.service.max_us >= 400_000, "{:?}", loaded.answers.service);
    assert!(loaded.answers.service.at(900_000).expect("p90") < 100_000, "{:?}", loaded.answers.service);
    assert_eq!((loaded.answers.latency.count, loaded.answers.lateness.count), (0, 0));
    // It ends in its time.
    assert!(loaded.answers.took_us < 2_000_000, "{:?}", loaded.answers);
}

#[tokio::test]
async fn a_generator_that_cannot_keep_up_discards_its_run() {
    let fake = Fake::start(|_| Reply::no_content()).await;
    let limits = Limits { late_p99_us: 400_000, late_share_ppm: 0, wanted_ppm: 900_000 };
    let patience = Patience { overrun: Duration::from_millis(200), ..HANDS.patience };
    let hands = Hands { limits, patience, ..HANDS };
    let easy = unhindered(&fake, &clicks(20), hands, |of| of.discarded.is_none()).await;
    assert_eq!(easy.discarded, None, "{:?}", easy.answers.lateness);
    // Nobody is there to wait for, and to find that out takes longer than a millionth of a second: it never has nothing to do.
    let heavy = Load { requests_a_connection: Some(1), connections: 1_000, ..clicks(1_000_000) };
    let saturated = load(&nobody(&fake), &heavy, &world(), hands, &Progress::hidden()).await.expect("a load");
    let why = saturated.discarded.expect("a generator that never waits");
    assert!(why.contains("busy, or waited for a core,"), "{why}");
    // What it did not come to is not left out.
    assert_eq!((saturated.answers.requests, saturated.answers.latency.count > 500_000), (1_000_000, true));
}

#[tokio::test]
async fn who_never_answers_is_waited_for_and_counted() {
    let fake = Fake::start(|_| Reply { after: Duration::from_secs(3_600), ..Reply::no_content() }).await;
    let patience = Patience { answer: Duration::from_millis(500), overrun: Duration::from_millis(100) };
    let load = Load { connections: 2, ..clicks(50) };
    let loaded = loaded(&fake, &load, &world(), Hands { patience, ..HANDS }).await;
    let answers = loaded.answers;
    // What was not answered, or not even sent, is neither forgotten nor quick.
    assert_eq!((answers.requests, answers.failed, answers.latency.count), (50, 50, 50), "{answers:?}");
    assert!(answers.latency.max_us >= 500_000 && answers.by_status.is_empty(), "{answers:?}");
    assert!(answers.events_sent < 50, "{answers:?}");
    let why = answers.first_failure.expect("a reason");
    assert!(why.contains("no answer within"), "{why}");
}
