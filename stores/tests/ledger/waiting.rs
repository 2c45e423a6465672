//! Parked conversions, late clicks, settles, and what time has come for.

use rules::{
    Effect,
    effect::{Parked, ParkedUntil},
    known::{Awaiting, Ident},
};
use schemas::{
    conversion::{Conversion, Maturity, ReviewState, Standing, Unattributed},
    event::Settle,
    hashes::{CustomerHash, EmailHash},
    ids::{ConversionId, LinkId},
    time::TimeMs,
};
use stores::ledger::{Due, LedgerNeeds};

use crate::{
    Owned,
    samples::{COMPANY, at, conversion, parked, put},
    variants,
};

fn park(parked: &Parked) -> Effect {
    Effect::Park(Box::new(parked.clone()))
}

fn settle(conversion: u128, facts_up_to: u64) -> Settle {
    Settle { company: COMPANY, conversion: ConversionId(conversion), facts_up_to }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_found_by_id_and_by_customer_until_it_is_not() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let (customer, email) = (Ident::Customer(CustomerHash(1)), Ident::Email(EmailHash(2)));
        let for_lead =
            Parked { idents: vec![customer, email], ..parked(1, ParkedUntil::Lead { expires_at: TimeMs(900) }) };
        let for_facts = parked(2, ParkedUntil::FactsHold { offset: 30 });
        let for_click = Parked { link: None, ..parked(3, ParkedUntil::LateClick) };
        owned.commit([&for_lead, &for_facts, &for_click].map(park).into()).await;
        owned.reopen().await;
        let by_id = LedgerNeeds { parked: [1, 2, 3, 4].map(ConversionId).into(), ..LedgerNeeds::default() };
        let by_ident = |ident| LedgerNeeds { parked_by_ident: [(COMPANY, ident)].into(), ..LedgerNeeds::default() };
        let found = owned.ledger.fetch(by_id.clone()).await.unwrap().parked;
        assert_eq!(found, [for_lead.clone(), for_facts, for_click].map(|parked| (parked.conversion, parked)).into());
        for ident in [customer, email] {
            let found = owned.ledger.fetch(by_ident(ident)).await.unwrap().parked;
            assert_eq!(found, [(ConversionId(1), for_lead.clone())].into());
        }

        let again = Parked { idents: vec![email], at: TimeMs(1), ..for_lead };
        owned.commit(vec![park(&again), Effect::Unpark { conversion: ConversionId(2) }]).await;
        let found = owned.ledger.fetch(by_id).await.unwrap().parked;
        assert_eq!((found.len(), &found[&ConversionId(1)]), (2, &again));
        assert!(
            owned.ledger.fetch(by_ident(customer)).await.unwrap().parked.is_empty(),
            "no longer under that identifier"
        );
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_conversions_are_due_once_facts_hold_all_before_them() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let for_lead = parked(9, ParkedUntil::Lead { expires_at: TimeMs(0) });
        let for_facts = [(1, 30), (2, 20), (3, 40)].map(|(n, offset)| parked(n, ParkedUntil::FactsHold { offset }));
        owned.commit(for_facts.iter().chain([&for_lead]).map(park).collect()).await;
        let ledger = &owned.ledger;
        assert_eq!(ledger.parked_due(0, 19, 10).await.unwrap(), []);
        assert_eq!(ledger.parked_due(0, 30, 10).await.unwrap(), [settle(2, 20), settle(1, 30)]);
        assert_eq!(ledger.parked_due(0, 30, 1).await.unwrap(), [settle(2, 20)]);
        assert_eq!(ledger.parked_due(1, 30, 10).await.unwrap(), []);
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_clicks_are_due_once_facts_hold_them_and_gone_once_looked_at() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let note = |n, offset| Effect::NoteLate { company: COMPANY, conversion: ConversionId(n), click: at(offset) };
        let clear = |n, facts_up_to| Effect::ClearLate { conversion: ConversionId(n), facts_up_to };
        let waiting = [1, 2].map(|n| park(&parked(n, ParkedUntil::LateClick)));
        let for_facts = park(&parked(3, ParkedUntil::FactsHold { offset: 1_000 }));
        let notes = [note(1, 50), note(1, 60), note(1, 60), note(1, 90), note(2, 40), note(3, 10)];
        owned.commit(waiting.into_iter().chain([for_facts]).chain(notes).collect()).await;
        assert_eq!(owned.ledger.late_due(0, 50, 10).await.unwrap(), [settle(2, 41)]);
        assert_eq!(owned.ledger.late_due(0, 70, 10).await.unwrap(), [settle(2, 41), settle(1, 61)]);
        owned.commit(vec![clear(1, 61), Effect::Unpark { conversion: ConversionId(2) }]).await;
        assert_eq!(owned.ledger.late_due(0, 70, 10).await.unwrap(), []);
        assert_eq!(owned.ledger.late_due(0, 91, 10).await.unwrap(), [settle(1, 91)]);
        owned.commit(vec![clear(1, u64::MAX)]).await;
        assert_eq!(owned.ledger.late_due(0, u64::MAX, 10).await.unwrap(), []);
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_that_await_a_click_are_found_by_link_and_time() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let awaits = |link, n, at| Effect::Await {
            company: COMPANY,
            link: LinkId(link),
            conversion: ConversionId(n),
            at: TimeMs(at),
        };
        owned.commit(vec![awaits(1, 1, 100), awaits(1, 2, 200), awaits(2, 1, 100), awaits(1, 1, 150)]).await;
        let from = |link, at| LedgerNeeds { awaiting: [(LinkId(link), TimeMs(at))].into(), ..LedgerNeeds::default() };
        let found = |n, at| Awaiting { company: COMPANY, conversion: ConversionId(n), at: TimeMs(at) };
        let fetch = async |link, at| owned.ledger.fetch(from(link, at)).await.unwrap().awaiting.remove(&LinkId(link));
        assert_eq!(fetch(1, 150).await, Some(vec![found(1, 150), found(2, 200)]));
        assert_eq!(fetch(1, 151).await, Some(vec![found(2, 200)]));
        assert_eq!(fetch(1, 201).await, None);
        owned.commit(vec![Effect::Unpark { conversion: ConversionId(1) }]).await;
        let fetch = async |link, at| owned.ledger.fetch(from(link, at)).await.unwrap().awaiting.remove(&LinkId(link));
        assert_eq!((fetch(1, 0).await, fetch(2, 0).await), (Some(vec![found(2, 200)]), None));
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settles_are_kept_until_the_log_has_them() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        owned
            .commit(
                [settle(1, 5), settle(2, 6), settle(1, 5)]
                    .map(|settle| Effect::AppendSettle { partition: 0, settle })
                    .into(),
            )
            .await;
        owned.reopen().await;
        let due = owned.ledger.settles_due(0, 10).await.unwrap();
        assert_eq!(due.iter().map(|due| due.settle).collect::<Vec<_>>(), [settle(1, 5), settle(2, 6), settle(1, 5)]);
        owned.ledger.remove_settles(0, owned.epoch, due[..2].iter().map(|due| due.number).collect()).await.unwrap();
        assert_eq!(owned.ledger.settles_due(0, 10).await.unwrap(), due[2..]);
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_that_are_over_and_waits_in_vain_are_due() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let held = |n, until| Conversion { maturity: Maturity::HeldUntil(TimeMs(until)), ..conversion(n) };
        let unattributed = Conversion { standing: Standing::Unattributed(Unattributed::NoEvidence), ..held(5, 10) };
        let rejected = Conversion { review: ReviewState::Rejected, ..held(6, 10) };
        let pending = Conversion { review: ReviewState::Pending, ..held(4, 10) };
        let waits = |n, until| parked(n, ParkedUntil::Lead { expires_at: TimeMs(until) });
        let conversions =
            [held(3, 100), held(2, 101), conversion(1), pending, unattributed, rejected, conversion(7)].map(put);
        let parked = [waits(7, 100), waits(8, 101), parked(9, ParkedUntil::LateClick)];
        owned.commit(conversions.into_iter().chain(parked.iter().map(park)).collect()).await;
        let due = |at, limit| LedgerNeeds {
            due: Some(Due { partition: 0, at: TimeMs(at), limit }),
            ..LedgerNeeds::default()
        };
        let fetched = owned.ledger.fetch(due(100, 10)).await.unwrap();
        assert_eq!(fetched.due, [3, 4, 7].map(ConversionId));
        assert_eq!(fetched.conversions.len(), 3, "with their rows");
        assert_eq!(fetched.parked, [(ConversionId(7), parked[0].clone())].into());
        let fewer = owned.ledger.fetch(due(100, 1)).await.unwrap();
        assert_eq!(fewer.due, [4, 7].map(ConversionId), "of each kind what is due longest");
        assert_eq!(owned.ledger.fetch(due(9, 10)).await.unwrap().due, []);
        owned.close().await;
    }
}
