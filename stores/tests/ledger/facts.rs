//! What facts are made again from, blocks of facts, replies and quarantine.

use std::collections::BTreeMap;

use rules::Effect;
use schemas::{
    decision::{Answer, Decision, EventKind, Outcome},
    facts::{ConversionChange, Fact},
    ids::{ConversionId, EventId},
    money::Currency,
    time::TimeMs,
    wire::encode_decision,
};
use stores::ledger::{Batch, CommitError, Decided, Plan, Quarantined};

use crate::{
    Owned,
    samples::{COMPANY, at},
    variants,
};

fn change(offset: u64, conversions: i64) -> ConversionChange {
    ConversionChange {
        position: at(offset),
        event: EventId(5),
        kind: EventKind::Refund,
        conversion: ConversionId(6),
        company: COMPANY,
        program: None,
        partner: None,
        link: None,
        currency: Currency::GBP,
        at: TimeMs(7),
        changed_at: TimeMs(8),
        conversions,
        revenue_minor: -9,
        commission_minor: -10,
        approved_minor: -11,
        partner_minor: -12,
        partner_approved_minor: -13,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_is_found_by_offset() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let record = |change: &ConversionChange| Effect::Record(Fact::Change(Box::new(change.clone())));
        let except = |offset, outcome| Effect::ExceptClick { position: at(offset), outcome };
        let (one, two, three) = (change(3, 1), change(3, -1), change(4, 0));
        let exceptions = [except(1, None), except(2, Some(Outcome::Duplicate)), except(9, Some(Outcome::Refused))];
        owned.commit(exceptions.into_iter().chain([record(&one), record(&two), record(&three)]).collect()).await;
        owned.commit(vec![except(10, None), record(&change(12, 1))]).await;
        owned.reopen().await;
        let changes = BTreeMap::from([(3, vec![one, two]), (4, vec![three])]);
        let click_exceptions = BTreeMap::from([(1, None), (2, Some(Outcome::Duplicate)), (9, Some(Outcome::Refused))]);
        assert_eq!(owned.ledger.decided(0, 1, 10).await.unwrap(), Decided { changes, click_exceptions });
        assert_eq!(owned.ledger.decided(0, 5, 9).await.unwrap(), Decided::default());
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_facts_follow_one_another() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let (first, second, third) = (Plan { from: 0, to: 10 }, Plan { from: 10, to: 15 }, Plan { from: 15, to: 20 });
        let batch = Batch { plan: Some(first), ..owned.batch(Vec::new()) };
        owned.ledger.commit(batch).await.unwrap();
        owned.next = 10;
        for (from, to) in [(0, 10), (9, 10), (11, 12), (10, 10), (10, 11)] {
            let refused = owned.ledger.plan(0, owned.epoch, Plan { from, to }).await;
            assert!(
                matches!(refused, Err(CommitError::PlanOutOfOrder { .. })),
                "{from}..{to} when 10 are decided and planned"
            );
        }
        let gap = Batch { plan: Some(third), ..owned.batch(Vec::new()) };
        assert!(matches!(owned.ledger.commit(gap).await, Err(CommitError::PlanOutOfOrder { .. })));
        owned.commit(Vec::new()).await;
        owned.ledger.plan(0, owned.epoch, second).await.unwrap();
        owned.ledger.plan(0, owned.epoch, third).await.unwrap();
        owned.ledger.mark(0, owned.epoch, second).await.unwrap();
        owned.reopen().await;
        let taken = owned.ledger.take(0).await.unwrap();
        assert_eq!((taken.open_plans, taken.progress.planned_up_to), (vec![first, third], 20));
        let dropped = owned.ledger.drop_plans(0, owned.epoch, third.to).await;
        assert!(matches!(dropped, Err(CommitError::Fenced)));
        owned.ledger.drop_plans(0, taken.epoch, third.to).await.unwrap();
        owned.ledger.begin_incarnation(0, taken.epoch, 0, TimeMs(0)).await.unwrap();
        assert_eq!(owned.ledger.open_plans(0).await.unwrap(), [first, third], "facts do not hold these");
        owned.close().await;
    }
}

fn decision(event: u128, reply_to: Option<u32>) -> Decision {
    let answer = Answer::Parked { conversion: ConversionId(event) };
    Decision { event: EventId(event), position: at(1), reply_to, company: COMPANY, kind: EventKind::Sale, answer }
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_there_until_they_are_published() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let reply = |event, reply_to| Effect::Reply(decision(event, reply_to));
        owned.commit(vec![reply(1, Some(4)), reply(2, None)]).await;
        owned.commit(vec![reply(3, None)]).await;
        owned.reopen().await;
        let due = owned.ledger.replies_from(0, 0).await.unwrap();
        let told: Vec<_> = due.iter().map(|due| (due.batch_from, due.reply_to, due.record.clone())).collect();
        let wanted = [(0, 1, Some(4)), (0, 2, None), (10, 3, None)];
        assert_eq!(
            told,
            wanted.map(|(from, event, reply_to)| (from, reply_to, encode_decision(&decision(event, reply_to))))
        );
        assert_eq!(owned.ledger.replies_from(0, 10).await.unwrap(), due[2..]);

        owned.ledger.set_published(0, owned.epoch, 1).await.unwrap();
        assert_eq!(owned.ledger.replies_from(0, 0).await.unwrap(), due[2..], "what is published is forgotten");
        let batch = Batch { published: Some(20), ..owned.batch(Vec::new()) };
        owned.ledger.commit(batch).await.unwrap();
        assert!(owned.ledger.replies_from(0, 0).await.unwrap().is_empty());
        owned.ledger.set_published(0, owned.epoch, 3).await.unwrap();
        assert_eq!(owned.ledger.progress(0).await.unwrap().unwrap().published, 20, "the cursor never goes back");
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_quarantine_are_kept_with_their_reason() {
    for variant in variants() {
        let owned = Owned::new(variant).await;
        let poison = |offset, reason: &str| Quarantined { offset, reason: reason.to_owned(), record: vec![0xff, 0] };
        let records = vec![poison(3, "not a Protobuf record"), poison(4, "field id is missing")];
        let batch = Batch { quarantined: records.clone(), ..owned.batch(Vec::new()) };
        owned.ledger.commit(batch).await.unwrap();
        assert_eq!(owned.ledger.quarantined(0, 10).await.unwrap(), records);
        assert_eq!(owned.ledger.quarantined(0, 1).await.unwrap(), records[..1]);
        owned.close().await;
    }
}
