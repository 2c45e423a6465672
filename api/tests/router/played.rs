//! Plays the processor: answers what is appended with decisions that a test made up.

use rules::effect::Effect;
use schemas::{
    conversion::{Conversion, Maturity, ReviewState, Settlement, Standing},
    decision::{Answer, Decision, EventKind},
    event::{Body, Event},
    explanation::{Explanation, Parts, Share, Signal, Step},
    hashes::{KeyKind, KeyType},
    ids::{ConversionId, EventId, PartnerId, Position},
    money::Currency,
    terms::SignalName,
    time::TimeMs,
    wire::{decode_event, encode_decision},
};
use stores::ledger::{Batch, Versions};

use crate::stage::{Company, Stage, now};

impl Stage {
    /// The id that an order of the company has, decided or not.
    pub(crate) fn conversion_id(&self, company: &Company, order: &str) -> ConversionId {
        let (key, id) = (&self.deployment.catalog.secrets().id_key, company.id.parse().unwrap());
        key.conversion_id(id, key.key_hash(id, KeyKind::Sale, KeyType::Order, order))
    }

    /// Has the ledger hold an order under review.
    pub(crate) async fn decided(&self, company: &Company, order: &str, partner: PartnerId) -> ConversionId {
        let conversion = self.under_review(company, order, partner);
        let id = conversion.id;
        let ledger = &self.deployment.ledger;
        let taken = ledger.take(0).await.unwrap();
        let batch = Batch {
            partition: 0,
            epoch: taken.epoch,
            from: taken.progress.next,
            to: taken.progress.next + 1,
            last_event: None,
            appended_at: TimeMs(0),
            relied_on: Versions::default(),
            effects: vec![Effect::PutConversion(Box::new(conversion))],
            quarantined: Vec::new(),
            plan: None,
            published: None,
        };
        ledger.commit(batch).await.unwrap();
        id
    }

    /// Answers the next event that is appended after `offset`, and returns it.
    pub(crate) async fn answer(&self, offset: u64, answer: Answer) -> Event {
        self.deployment.log.events(0, offset, TimeMs(0)).ready().await.unwrap();
        let record = self.deployment.log.read(0, offset, 1).await.unwrap().remove(0);
        let event = decode_event(&record.bytes).unwrap();
        let kind = if matches!(event.body, Body::Review(_)) { EventKind::Review } else { EventKind::Refund };
        let company = event.body.company().unwrap();
        let decision = Decision { event: event.id, position: record.position, reply_to: None, company, kind, answer };
        self.deployment.log.publish(vec![(None, encode_decision(&decision))]).await.unwrap();
        event
    }

    fn under_review(&self, company: &Company, order: &str, partner: PartnerId) -> Conversion {
        let signal = Signal {
            name: SignalName::OwnEmail,
            weight: Some(Share(700_000)),
            value: "the same".to_owned(),
            threshold: Some("any".to_owned()),
            sentence: "the customer is the affiliate".to_owned(),
        };
        let commission = Step::Commission {
            input: 9999,
            rate: Some("0.10".into()),
            exact: Some("999.9".into()),
            flat: None,
            result: 1000,
        };
        let split = Step::Split { fee: "0.20".into(), result: Parts { partner: 800, platform: 200 } };
        Conversion {
            id: self.conversion_id(company, order),
            company: company.id.parse().unwrap(),
            kind: KeyKind::Sale,
            event: EventId(1),
            position: Position { partition: 0, offset: 0 },
            program: None,
            partner: Some(partner),
            link: None,
            label: order.to_owned(),
            amount_minor: 9999,
            currency: Currency::USD,
            refunded_minor: 0,
            occurred_at: now(),
            taken_at: now(),
            standing: Standing::Attributed,
            commission_minor: 1000,
            partner_minor: 800,
            platform_minor: 200,
            review: ReviewState::Pending,
            maturity: Maturity::Matured,
            settlement: Settlement::Unpaid,
            score_ppm: 700_000,
            signals: vec![SignalName::OwnEmail],
            terms_version: 1,
            body_hash: 0,
            explanation: Explanation {
                candidates: Vec::new(),
                winner: None,
                policy: "refuel/1".to_owned(),
                terms_version: 1,
                arithmetic: vec![commission, split],
                signals: vec![signal],
                score: Some(Share(700_000)),
                review: "pending_review".to_owned(),
                facts_up_to: None,
            },
        }
    }
}
