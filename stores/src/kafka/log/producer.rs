use std::{sync::Arc, time::Duration};

use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};

use super::{
    delivery::{Client, Delivery},
    flow::{Flow, HeldBack},
    threads::Stop,
    topics::Topics,
};
use crate::StoreError;

/// How long deliveries are waited for at a time, between two looks at whether to stop. The client spends the last millisecond of it looking
/// at the clock.
const POLL_WAIT: Duration = Duration::from_millis(250);

/// How many events are handed over at a time once Kafka is back.
const HANDED_OVER_AT_ONCE: usize = 1_024;

/// How long a client that was told to forget may take to report what it forgot.
const PURGE_WAIT: Duration = Duration::from_secs(1);

/// One client for all that this process appends.
#[derive(Clone)]
pub(super) struct Producer {
    pub(super) client: Arc<Client>,
    pub(super) flow: Arc<Flow>,
    pub(super) topics: Arc<Topics>,
}

impl Producer {
    /// Serves deliveries until told to stop.
    pub(super) fn poll(&self, stop: &Stop) {
        while !stop.is_asked() {
            self.client.poll(POLL_WAIT);
        }
    }

    pub(super) fn hand_over_event(&self, partition: u32, record: &[u8], delivery: Arc<Delivery>) {
        self.flow.handing_over_event(partition);
        self.hand_over(&self.topics.events, partition, record, delivery);
    }

    pub(super) fn hand_over_events(&self, records: &[(u32, Vec<u8>)], delivery: &Arc<Delivery>) {
        self.flow.handing_over_events(records.iter().map(|(partition, _)| *partition));
        for (partition, record) in records {
            self.hand_over(&self.topics.events, *partition, record, delivery.clone());
        }
    }

    pub(super) fn hand_over_decisions(
        &self,
        records: impl ExactSizeIterator<Item = (u32, Vec<u8>)>,
        delivery: &Arc<Delivery>,
    ) {
        self.flow.handing_over_decisions(records.len());
        for (partition, record) in records {
            self.hand_over(&self.topics.decisions, partition, &record, delivery.clone());
        }
    }

    /// What was held back goes first; only then is Kafka well again for whoever comes.
    pub(super) fn hand_over_held_back(&self) {
        loop {
            let events = self.flow.next_held_back(HANDED_OVER_AT_ONCE);
            if events.is_empty() {
                return;
            }
            for HeldBack { partition, record, delivery } in events {
                self.hand_over_event(partition, &record, delivery);
            }
        }
    }

    /// Waits until all is delivered, at most so long; what is left then is answered as it stands.
    pub(super) fn finish(&self, wait: Duration) {
        if !self.flow.is_away() && self.client.flush(wait).is_ok() {
            return;
        }
        self.flow.give_back();
        self.client.purge(PurgeConfig::default().queue().inflight());
        if self.client.flush(PURGE_WAIT).is_err() {
            tracing::warn!(records = self.flow.handed_over(), "the log ends with records whose senders have no answer");
        }
    }

    /// It is counted as handed over by then.
    fn hand_over(&self, topic: &str, partition: u32, record: &[u8], delivery: Arc<Delivery>) {
        let record = BaseRecord::<(), [u8], _>::with_opaque_to(topic, delivery)
            .partition(partition.cast_signed())
            .payload(record);
        if let Err((error, refused)) = self.client.send(record) {
            refused.delivery_opaque.leave(&self.flow, partition, Err(StoreError::Kafka(error)));
        }
    }
}
