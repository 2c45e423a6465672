//! Houses that are run badly: each is caught.

use proptest::prelude::*;
use rules::{Effect, Known, decide};
use schemas::{
    decision::{EventKind, Outcome},
    event::{Body, Logged},
    hashes::KeyHash,
};

use super::{
    deployment::House,
    interleaved::{config, deterministic, holds},
};

fn is_caught(house: House, how: &str) {
    let mut runner = deterministic(ProptestConfig { max_shrink_iters: 0, ..config() });
    let found = holds(house, &mut runner).expect_err("a broken control was not caught");
    let why = found.lines().next().unwrap_or_default();
    assert!(why.contains(how), "{why}");
}

#[test]
fn a_batch_committed_on_rows_that_have_changed() {
    is_caught(House { checks_versions: false, ..House::sound() }, "not as it would be now");
}

#[test]
fn absence_taken_for_no_value() {
    is_caught(House { checks_absence: false, ..House::sound() }, "not as it would be now");
}

/// The rows of what is sent on change at once, so a batch that relies on them is decided again and sends on once more.
#[test]
fn a_batch_that_waits_for_itself() {
    is_caught(House { relies_on_its_own: false, ..House::sound() }, "come to no end");
}

#[test]
fn memory_of_a_batch_that_is_not_committed() {
    is_caught(House { remembers_after_commit: false, ..House::sound() }, "not as it would be now");
}

/// Leaves nothing behind by which a forward that is repeated would be known.
fn forgets_forwards(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = decide(known, logged);
    if logged.event.first_appended_at.is_some() {
        let own = KeyHash(logged.event.id.0);
        effects.retain(|effect| match effect {
            Effect::See { .. } => false,
            Effect::TakeKey { key, .. } => *key != own,
            _ => true,
        });
    }
    effects
}

#[test]
fn a_forward_decided_twice() {
    is_caught(House { decide: forgets_forwards, ..House::sound() }, "counted");
}

fn counts_copies(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = decide(known, logged);
    if let (true, Body::Sale(sale)) = (effects.is_empty(), &logged.event.body) {
        let (company, day) = (sale.claim.company, logged.taken_at().day());
        effects.push(Effect::Count { company, kind: EventKind::Sale, outcome: Outcome::Duplicate, day, by: 1 });
    }
    effects
}

#[test]
fn a_copy_counted_as_a_duplicate() {
    is_caught(House { decide: counts_copies, ..House::sound() }, "counted");
}
