//! Owners' steps in any order, owners that die, forwards and settles that are appended twice: the outcome is that of one batch
//! after the other, and the books are right.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use schemas::{conversion::Standing, event::Body, time::MINUTE_MS};

use super::{
    audit,
    deployment::{Deployment, House},
    plans::{Act, BEGIN, Plan, Sender, plans},
};

const LENGTH: usize = 220;

pub(crate) fn play(plan: &Plan, house: House) -> Result<Deployment, String> {
    let terms = plan.terms();
    let mut deployment = Deployment::new(plan.partitions, &terms, house, BEGIN);
    let mut sender = Sender::default();
    for act in &plan.acts {
        if let Some((event, to)) = sender.event(act, deployment.now, plan.partitions) {
            deployment.send(event, to);
            continue;
        }
        match act {
            Act::Advance { at, events } => _ = deployment.advance(*at, *events)?,
            Act::Crash { at } => deployment.crash(*at),
            Act::Settles { times } => _ = deployment.append_settles(*times),
            Act::Tick { at } => deployment.append_own(Body::Tick, *at),
            Act::Wait { minutes } => deployment.now = deployment.now.plus_ms(minutes * MINUTE_MS),
            _ => {}
        }
    }
    deployment.drain()?;
    audit::all(&mut deployment, &terms)?;
    deployment.now = deployment.now.plus_days(365);
    deployment.tick()?;
    audit::all(&mut deployment, &terms)?;
    Ok(deployment)
}

pub(crate) fn holds(house: House, runner: &mut TestRunner) -> Result<(), String> {
    let checked = runner.run(&plans(true, LENGTH), |plan| play(&plan, house).map(drop).map_err(TestCaseError::fail));
    checked.map_err(|why| why.to_string())
}

pub(crate) fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 4_000, ..ProptestConfig::default() }
}

pub(crate) fn deterministic(config: ProptestConfig) -> TestRunner {
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn any_interleaving_is_one_batch_after_the_other() {
    holds(House::sound(), &mut TestRunner::new(config())).unwrap();
}

/// The plans come by every road, or the property would say little.
#[test]
fn interleavings_go_everywhere() {
    let mut runner = deterministic(config());
    let (mut forwarded, mut conflicts, mut woken, mut capped, mut attributed) = (0, 0, 0, 0, 0);
    for _ in 0..200 {
        let plan = plans(true, LENGTH).new_tree(&mut runner).unwrap().current();
        let deployment = play(&plan, House::sound()).unwrap();
        let logs = (0..deployment.partitions()).flat_map(|at| deployment.log(at));
        forwarded += logs.filter(|logged| logged.event.first_appended_at.is_some()).count();
        conflicts += deployment.conflicts;
        woken += deployment.woken;
        let decided = &deployment.ledger.decided;
        attributed += decided.iter().filter(|conversion| conversion.standing == Standing::Attributed).count();
        let is_cap = |step: &schemas::explanation::Step| matches!(step, schemas::explanation::Step::Cap { .. });
        capped += decided.iter().filter(|conversion| conversion.explanation.arithmetic.iter().any(is_cap)).count();
    }
    let roads = [("forwarded", forwarded), ("conflicts", conflicts), ("capped", capped), ("attributed", attributed)];
    for (road, count) in roads {
        assert!(count >= 100, "{road}: {count}");
    }
    assert!(woken >= 10, "woken in another partition: {woken}");
}
