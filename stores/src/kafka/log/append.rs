use std::borrow::Cow;

use tokio::sync::oneshot;

use super::{Log, delivery::Delivery, flow::HeldBack};
use crate::{
    StoreError,
    log::{Answer, Appended, Class, QueueFull, refused},
};

impl Log {
    /// The client takes a copy of its own; only what is held back must be ours.
    pub(crate) fn enqueue(
        &self,
        partition: u32,
        class: Class,
        record: Cow<'_, [u8]>,
    ) -> Result<Answer<Appended>, QueueFull> {
        if let Some(refusal) = self.refusal([partition]) {
            return Ok(refused(refusal));
        }
        self.producer.flow.admit(self.limits, class, 1)?;
        let (done, answer) = oneshot::channel();
        let delivery = Delivery::of_event(done);
        if self.producer.flow.is_away() {
            self.hand_over_or_hold_back(vec![HeldBack { partition, record: record.into_owned(), delivery }]);
        } else {
            self.producer.hand_over_event(partition, &record, delivery);
        }
        Ok(answer)
    }

    pub(crate) fn enqueue_many(
        &self,
        class: Class,
        records: Cow<'_, [(u32, Vec<u8>)]>,
    ) -> Result<Answer<()>, QueueFull> {
        if let Some(refusal) = self.refusal(records.iter().map(|(partition, _)| *partition)) {
            return Ok(refused(refusal));
        }
        self.producer.flow.admit(self.limits, class, records.len())?;
        let (done, answer) = oneshot::channel();
        let delivery = Delivery::of_events(records.len(), done);
        if self.producer.flow.is_away() {
            let event = |(partition, record)| HeldBack { partition, record, delivery: delivery.clone() };
            self.hand_over_or_hold_back(records.into_owned().into_iter().map(event).collect());
        } else {
            self.producer.hand_over_events(&records, &delivery);
        }
        delivery.let_go(&self.producer.flow);
        Ok(answer)
    }

    pub(crate) fn give_back_unsent(&self) {
        self.producer.flow.give_back();
    }

    fn refusal(&self, partitions: impl IntoIterator<Item = u32>) -> Option<StoreError> {
        if self.is_closing() {
            return Some(StoreError::Closed);
        }
        partitions.into_iter().find(|partition| *partition >= self.partitions).map(StoreError::NoPartition)
    }

    fn hand_over_or_hold_back(&self, events: Vec<HeldBack>) {
        for HeldBack { partition, record, delivery } in self.producer.flow.hold_back(events).into_iter().flatten() {
            self.producer.hand_over_event(partition, &record, delivery);
        }
    }
}
