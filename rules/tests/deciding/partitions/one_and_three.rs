//! One event at a time, through one partition and through three, whatever way it is sent: the same decisions.

use std::collections::{BTreeMap, HashMap};

use proptest::{prelude::*, test_runner::TestRunner};
use rules::known::{Ident, IdentRecord};
use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    decision::{Answer, EventKind, Outcome},
    ids::{CompanyId, ConversionId, EventId, Position, ProgramId, TransferId},
    money::Currency,
    terms::{SignalName, Terms},
    time::{Day, MINUTE_MS},
};

use super::{
    deployment::{Deployment, House},
    interleaved::config,
    plans::{Act, BEGIN, Plan, Sender, plans},
};
use crate::store::Ledger;

const LENGTH: usize = 50;

/// Everything but places in the log.
#[derive(Debug, PartialEq)]
struct Outcomes {
    conversions: BTreeMap<ConversionId, Conversion>,
    counts: BTreeMap<(CompanyId, EventKind, Outcome, Day), i64>,
    answers: BTreeMap<EventId, Vec<Answer>>,
    transfers: BTreeMap<TransferId, Transfer>,
    refunds: Vec<RefundApplied>,
    idents: HashMap<(CompanyId, Ident), IdentRecord>,
    budgets: HashMap<(ProgramId, Currency), i64>,
}

impl Outcomes {
    fn of(ledger: &Ledger) -> Outcomes {
        let placeless = |conversion: &Conversion| {
            let mut placeless = conversion.clone();
            placeless.position = Position { partition: 0, offset: 0 };
            placeless.explanation.facts_up_to = None;
            placeless
        };
        let mut answers: BTreeMap<EventId, Vec<Answer>> = BTreeMap::new();
        for reply in &ledger.replies {
            answers.entry(reply.event).or_default().push(reply.answer.clone());
        }
        Outcomes {
            conversions: ledger.conversions.iter().map(|(id, conversion)| (*id, placeless(conversion))).collect(),
            counts: ledger.counts.clone().into_iter().filter(|(_, count)| *count != 0).collect(),
            answers,
            transfers: ledger.transfers.clone(),
            refunds: ledger.refunds.clone(),
            idents: ledger.idents.clone(),
            budgets: ledger.budgets.clone(),
        }
    }
}

fn play(plan: &Plan, terms: &Terms, partitions: u32) -> Result<Outcomes, String> {
    let mut deployment = Deployment::new(partitions, terms, House::sound(), BEGIN);
    let mut sender = Sender::default();
    for act in &plan.acts {
        match act {
            Act::Wait { minutes } => deployment.now = deployment.now.plus_ms(minutes * MINUTE_MS),
            Act::Tick { .. } => deployment.tick()?,
            act => {
                if let Some((event, to)) = sender.event(act, deployment.now, 3) {
                    deployment.happens(event, to)?;
                }
            }
        }
    }
    deployment.now = deployment.now.plus_days(365);
    deployment.tick()?;
    Ok(Outcomes::of(&deployment.ledger))
}

/// What an owner remembers of clicks it knows of its own links alone. A conversion decided by another link's evidence, or by its
/// customer's partition, is decided without: only the velocity of an address says less then.
fn terms_of(plan: &Plan) -> Terms {
    let mut terms = plan.terms();
    terms.fraud.signals.retain(|signal| signal.name != SignalName::VelocityAddress);
    terms
}

fn check(plan: &Plan) -> Result<(), String> {
    let terms = terms_of(plan);
    let (one, three) = (play(plan, &terms, 1)?, play(plan, &terms, 3)?);
    if one == three {
        return Ok(());
    }
    let differing = one.conversions.iter().find(|(id, conversion)| three.conversions.get(id) != Some(conversion));
    let differing = differing.map(|(id, conversion)| (conversion, three.conversions.get(id)));
    Err(format!("{differing:?}, or {:?} and {:?}", one.answers, three.answers))
}

#[test]
fn three_partitions_decide_as_one() {
    let mut runner = TestRunner::new(config());
    runner.run(&plans(false, LENGTH), |plan| check(&plan).map_err(TestCaseError::fail)).unwrap();
}
