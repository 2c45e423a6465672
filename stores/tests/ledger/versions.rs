//! A batch is committed only on the rows that it knew.

use rules::{Effect, effect::ParkedUntil, known::Ident};
use schemas::{
    decision::Outcome,
    hashes::{CustomerHash, KeyHash},
    ids::{LinkId, PartnerId},
    money::Currency,
    time::TimeMs,
};
use stores::ledger::{CommitError, LedgerNeeds, SharedRow};

use crate::{
    contested::{Contested, Guard, Sale, audit},
    place::{Variant, variants},
    samples::{COMPANY, DAY, count, parked, take_key},
    several::Several,
};

fn sales(contested: Contested) -> [Sale; 2] {
    [0, 1].map(|partition| Sale { round: 5, partition, contested })
}

/// Both are fetched and decided before the first is committed.
async fn at_once(variant: Variant, contested: Contested, seeded: bool, guard: Guard) -> Result<(), String> {
    let mut several = Several::new(variant, 2).await;
    let sales = sales(contested);
    if seeded {
        for sale in sales {
            several.owners[0].commit(Default::default(), sale.seed()).await.unwrap();
        }
    }
    let (first, second) =
        (several.ledger.fetch(sales[0].needs()).await.unwrap(), several.ledger.fetch(sales[1].needs()).await.unwrap());
    several.owners[0].commit(guard.of(first.versions.clone()), sales[0].decide(&first)).await.unwrap();
    match several.owners[1].commit(guard.of(second.versions.clone()), sales[1].decide(&second)).await {
        Err(CommitError::Conflict(row)) if row == sales[1].row() => {
            assert_eq!(several.ledger.conversion(sales[1].id()).await.unwrap(), None, "nothing of it is left");
            assert_eq!(several.ledger.progress(1).await.unwrap().unwrap().next, 0);
            let again = several.ledger.fetch(sales[1].needs()).await.unwrap();
            several.owners[1].commit(again.versions.clone(), sales[1].decide(&again)).await.unwrap();
        }
        Ok(()) if guard == Guard::Whole => return Err("a batch was committed on rows that had changed".to_owned()),
        Ok(()) => {}
        Err(error) => panic!("{error}"),
    }
    let audited = audit(&several.ledger, &sales).await;
    if audited.is_ok() {
        same_as_one_after_the_other(variant, &several, sales, seeded).await;
    }
    several.close().await;
    audited
}

async fn same_as_one_after_the_other(variant: Variant, at_once: &Several, sales: [Sale; 2], seeded: bool) {
    let mut several = Several::new(variant, 2).await;
    if seeded {
        for sale in sales {
            several.owners[0].commit(Default::default(), sale.seed()).await.unwrap();
        }
    }
    for (sale, owner) in sales.iter().zip(&mut several.owners) {
        let known = several.ledger.fetch(sale.needs()).await.unwrap();
        owner.commit(known.versions.clone(), sale.decide(&known)).await.unwrap();
    }
    for sale in sales {
        let (found, wanted) =
            (at_once.ledger.fetch(sale.needs()).await.unwrap(), several.ledger.fetch(sale.needs()).await.unwrap());
        assert_eq!(found.keys, wanted.keys);
        assert_eq!(found.idents, wanted.idents);
        assert_eq!(found.budgets, wanted.budgets);
        let found = at_once.ledger.conversion(sale.id()).await.unwrap();
        assert_eq!(found, several.ledger.conversion(sale.id()).await.unwrap());
    }
    assert_eq!(
        at_once.ledger.outcomes(COMPANY, DAY, DAY).await.unwrap(),
        several.ledger.outcomes(COMPANY, DAY, DAY).await.unwrap()
    );
    several.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_partitions_want_at_once_ends_as_if_one_had_come_after_the_other() {
    for variant in variants() {
        for contested in Contested::ALL {
            for seeded in [false, true] {
                let done = at_once(variant, contested, seeded, Guard::Whole).await;
                assert_eq!(done, Ok(()), "{variant:?} {contested:?} seeded: {seeded}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_rows_that_are_not_checked_are_caught() {
    for variant in variants() {
        for (contested, caught) in
            [(Contested::Customer, "a customer was credited to two"), (Contested::Budget, "a budget was overspent")]
        {
            for (seeded, guard) in
                [(false, Guard::Nothing), (true, Guard::Nothing), (false, Guard::NoAbsence), (true, Guard::OnlyAbsence)]
            {
                let done = at_once(variant, contested, seeded, guard).await;
                assert_eq!(done, Err(caught.to_owned()), "{variant:?} {contested:?} seeded: {seeded} {guard:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_a_key_free_relied_on_it_too() {
    let needs = || LedgerNeeds { keys: [KeyHash(7)].into(), ..LedgerNeeds::default() };
    for variant in variants() {
        for seeded in [false, true] {
            for takes_first in [false, true] {
                let mut several = Several::new(variant, 2).await;
                if seeded {
                    let freed = vec![take_key(7, 1), Effect::FreeKey { key: KeyHash(7) }];
                    several.owners[0].commit(Default::default(), freed).await.unwrap();
                }
                let known = several.ledger.fetch(needs()).await.unwrap();
                assert!(known.keys.is_empty());
                assert_eq!(known.versions.keys[&KeyHash(7)] > 0, seeded);
                let refuses = vec![count(Outcome::Refused, 1)];
                let batches =
                    if takes_first { [vec![take_key(7, 2)], refuses] } else { [refuses, vec![take_key(7, 2)]] };
                let [first, second] = batches;
                several.owners[0].commit(known.versions.clone(), first).await.unwrap();
                let late = several.owners[1].commit(known.versions, second.clone()).await;
                assert!(matches!(late, Err(CommitError::Conflict(SharedRow::Key(KeyHash(7))))), "{late:?}");
                let again = several.ledger.fetch(needs()).await.unwrap();
                assert_eq!(again.keys.is_empty(), !takes_first);
                several.owners[1].commit(again.versions, second).await.unwrap();
                several.close().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_under_a_customer_is_part_of_what_is_known_of_it() {
    let ident = (COMPANY, Ident::Customer(CustomerHash(3)));
    let needs = || LedgerNeeds { idents: [ident].into(), parked_by_ident: [ident].into(), ..LedgerNeeds::default() };
    for variant in variants() {
        let mut several = Several::new(variant, 2).await;
        for round in 1..3 {
            let lead = several.ledger.fetch(needs()).await.unwrap();
            let mut waits = parked(round, ParkedUntil::Lead { expires_at: TimeMs(1_000) });
            waits.idents = vec![ident.1];
            let sale = several.ledger.fetch(needs()).await.unwrap();
            several.owners[0].commit(sale.versions, vec![Effect::Park(Box::new(waits))]).await.unwrap();
            let overtaken = several.owners[1].commit(lead.versions, vec![count(Outcome::Attributed, 1)]).await;
            assert!(matches!(overtaken, Err(CommitError::Conflict(row)) if row == SharedRow::Ident(ident.0, ident.1)));
            let again = several.ledger.fetch(needs()).await.unwrap();
            assert_eq!(again.parked.len(), round as usize, "and it is found now");
            several.owners[1].commit(again.versions, vec![count(Outcome::Attributed, 1)]).await.unwrap();
        }
        several.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_held_are_committed_on_and_let_go_of() {
    for variant in variants() {
        for contested in Contested::ALL {
            let mut several = Several::new(variant, 2).await;
            let [first, second] = sales(contested);
            let owner = several.owners[0].clone();
            let known = several.ledger.fetch(first.needs()).await.unwrap();
            let locked = several.ledger.lock(0, owner.epoch, known.versions).await.unwrap();
            let known = several.ledger.fetch(first.needs()).await.unwrap();
            let batch = owner.batch(known.versions.clone(), first.decide(&known));
            several.ledger.commit_locked(locked, batch).await.unwrap();
            several.owners[0].next += 10;

            let known = several.ledger.fetch(second.needs()).await.unwrap();
            drop(several.ledger.lock(0, owner.epoch, known.versions.clone()).await.unwrap());
            let known = several.ledger.fetch(second.needs()).await.unwrap();
            several.owners[1].commit(known.versions.clone(), second.decide(&known)).await.unwrap();
            assert_eq!(audit(&several.ledger, &[first, second]).await, Ok(()), "{variant:?} {contested:?}");
            several.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_partitions_add_to_is_read_as_one() {
    let link = LinkId(9);
    for variant in variants() {
        let mut several = Several::new(variant, 3).await;
        for round in 0..60_i64 {
            let owner = &mut several.owners[round as usize % 3];
            let effects = vec![
                count(Outcome::Attributed, 1),
                Effect::CountSale { link, at: TimeMs(1) },
                Effect::NoteValue { company: COMPANY, currency: Currency::USD, amount_minor: 2 * round },
                Effect::NoteValue { company: COMPANY, currency: Currency::USD, amount_minor: 2 * round + 1 },
                crate::samples::put(crate::samples::conversion(round as u128 + 1)),
            ];
            let mut batch = owner.batch(Default::default(), effects);
            batch.appended_at = TimeMs(1_000 + round);
            several.ledger.commit(batch).await.unwrap();
            owner.next += 10;
        }
        let needs = LedgerNeeds {
            link_sales: [(link, TimeMs(0))].into(),
            recent_values: [(COMPANY, Currency::USD)].into(),
            ..LedgerNeeds::default()
        };
        let found = several.ledger.fetch(needs).await.unwrap();
        assert_eq!(found.link_sales[&link].buckets, [(0, 60)]);
        assert_eq!(found.recent_values[&(COMPANY, Currency::USD)], (20..120).collect::<Vec<i64>>());
        let totals = several.ledger.partner_totals(PartnerId(5)).await.unwrap();
        assert_eq!(
            totals.iter().map(|total| (total.conversions, total.partner_minor)).collect::<Vec<_>>(),
            [(60, 48_000)]
        );
        assert_eq!(several.ledger.outcomes(COMPANY, DAY, DAY).await.unwrap()[0].n, 60);
        assert_eq!(several.ledger.progress(2).await.unwrap().unwrap().appended_at, TimeMs(1_059));
        several.close().await;
    }
}
