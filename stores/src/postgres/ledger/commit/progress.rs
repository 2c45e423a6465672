use super::steps::{Check, Steps};
use crate::{
    ledger::{Batch, Plan},
    postgres::ledger::{
        ask::{Ask, one},
        columns::{Wide, bound, small},
        plan,
    },
};

/// Only the present owner may, and only from where the partition stands.
pub(super) fn move_on(steps: &mut Steps, batch: &Batch) {
    let ask = Ask::count(
        "UPDATE ledger.progress SET next = $4, last_event = coalesce($5, last_event), appended_at_ms = greatest($6, appended_at_ms),
                published = greatest($7, published)
         WHERE partition = $1 AND epoch = $2 AND next = $3 AND $4 >= $3",
        vec![
            one(small(batch.partition)),
            one(bound(batch.epoch)),
            one(bound(batch.from)),
            one(bound(batch.to)),
            one(batch.last_event.map(|id| Wide(id.0))),
            one(batch.appended_at.0),
            one(batch.published.map(bound)),
        ],
    );
    steps.push_checked(ask, Check::Owner);
}

pub(super) fn plan(steps: &mut Steps, partition: u32, plan: Plan) {
    let [move_on, insert] = plan::close(partition, plan);
    steps.push_checked(move_on, Check::Plan(plan));
    steps.push(insert);
}
