//! Events that the owner itself appends, and those that it sends on to the partitions that decide them.

use std::time::Duration;

use metrics::counter;
use schemas::{
    event::{Body, Event},
    wire::encode_event,
};
use stores::log::Class;
use tokio::time::timeout;

use crate::{ProcessError, owner::Owner};

/// How long the log may take to have an event. One that comes to stand there later is a copy, or changes nothing.
const APPEND_WAIT: Duration = Duration::from_secs(5);

/// A whole batch may find no room at once where edges of the same process keep the queue nearly full.
const FORWARDED_AT_ONCE: usize = 256;

impl Owner {
    /// Appends events, each to its partition; false where they found no room or were not there in time.
    pub(crate) async fn append(&self, bodies: Vec<(u32, Body)>) -> Result<bool, ProcessError> {
        let event = |body| Event {
            id: (self.deps.event_id)(),
            stamped_at: (self.deps.now)(),
            resent: false,
            reply_to: None,
            key: None,
            first_appended_at: None,
            body,
        };
        self.enqueue(bodies.into_iter().map(|(partition, body)| (partition, encode_event(event(body)))).collect()).await
    }

    /// Sends on what others are to decide, before the batch that leaves it to them commits.
    pub(crate) async fn forward(&mut self, mut events: Vec<(u32, Event)>) -> Result<(), ProcessError> {
        events.retain(|(_, event)| !self.forwarded.contains(&event.id));
        for events in events.chunks(FORWARDED_AT_ONCE) {
            let records = events.iter().map(|(partition, event)| (*partition, encode_event(event.clone())));
            if !self.enqueue(records.collect()).await? {
                return Err(ProcessError::NotForwarded);
            }
            counter!("refmill_events_forwarded_total").increment(events.len() as u64);
            self.forwarded.extend(events.iter().map(|(_, event)| event.id));
        }
        Ok(())
    }

    async fn enqueue(&self, records: Vec<(u32, Vec<u8>)>) -> Result<bool, ProcessError> {
        let Ok(appending) = self.deps.log.enqueue_many(Class::Own, records) else { return Ok(false) };
        match timeout(APPEND_WAIT, appending).await {
            Ok(appended) => appended.map(|()| true).map_err(ProcessError::from),
            Err(_) => Ok(false),
        }
    }
}
