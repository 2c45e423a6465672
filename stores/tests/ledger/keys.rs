//! A key names one conversion for good.

use rules::Effect;
use schemas::{
    decision::Outcome,
    hashes::KeyHash,
    ids::{ConversionId, EventId},
};
use stores::ledger::{CommitError, LedgerNeeds, SharedRow};

use crate::{
    Owned, Variant,
    samples::{COMPANY, DAY, conversion, count, put, take_key},
    variants,
};

/// Keys as they are, or taken from whoever had them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    Unique,
    TakenOver,
}

impl Keys {
    fn effects(self, effects: Vec<Effect>) -> Vec<Effect> {
        let spoilt = |effect: Effect| match (self, &effect) {
            (Keys::TakenOver, Effect::TakeKey { key, .. }) => vec![Effect::FreeKey { key: *key }, effect],
            _ => vec![effect],
        };
        effects.into_iter().flat_map(spoilt).collect()
    }
}

async fn check_unique(keys: Keys, owned: &mut Owned) -> Result<(), &'static str> {
    owned.commit(keys.effects(vec![take_key(7, 1), put(conversion(1))])).await;
    let effects = keys.effects(vec![count(Outcome::Attributed, 1), put(conversion(2)), take_key(6, 2), take_key(7, 2)]);
    match owned.ledger.commit(owned.batch(effects)).await {
        Err(CommitError::Conflict(SharedRow::Key(KeyHash(7)))) => {}
        Ok(()) => return Err("a taken key was taken again"),
        Err(_) => return Err("a conflict was called something else"),
    }
    let needs = LedgerNeeds { keys: [6, 7].map(KeyHash).into(), ..LedgerNeeds::default() };
    let found = owned.ledger.fetch(needs).await.unwrap().keys;
    let untouched = owned.ledger.outcomes(COMPANY, DAY, DAY).await.unwrap().is_empty()
        && owned.ledger.conversion(ConversionId(2)).await.unwrap().is_none()
        && owned.ledger.progress(0).await.unwrap().unwrap().next == owned.next;
    if untouched && found.len() == 1 && found[&KeyHash(7)].conversion == ConversionId(1) {
        Ok(())
    } else {
        Err("not all was rolled back")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_key_turns_the_whole_batch_back() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        check_unique(Keys::Unique, &mut owned).await.unwrap();
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_keys_that_are_not_unique_are_caught() {
    let mut owned = Owned::new(Variant::Embedded).await;
    assert_eq!(check_unique(Keys::TakenOver, &mut owned).await, Err("a taken key was taken again"));
    owned.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stays_with_its_conversion_until_it_is_freed() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        owned.commit(vec![take_key(7, 1)]).await;
        let again = match take_key(7, 1) {
            Effect::TakeKey { key, mut taken } => {
                taken.event = EventId(1_000);
                Effect::TakeKey { key, taken }
            }
            _ => unreachable!("take_key takes a key"),
        };
        owned.commit(vec![again]).await;
        owned.reopen().await;
        let needs = LedgerNeeds { keys: [KeyHash(7)].into(), ..LedgerNeeds::default() };
        let found = owned.ledger.fetch(needs.clone()).await.unwrap().keys[&KeyHash(7)];
        assert_eq!((found.company, found.event, found.body_hash), (COMPANY, EventId(1), 1), "as it was taken first");
        owned.commit(vec![Effect::FreeKey { key: KeyHash(7) }, take_key(7, 2)]).await;
        assert_eq!(owned.ledger.fetch(needs).await.unwrap().keys[&KeyHash(7)].conversion, ConversionId(2));
        owned.close().await;
    }
}
