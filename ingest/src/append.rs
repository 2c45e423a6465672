//! From an event to where it is durable: the log or, while that is away, the spool.

use std::{borrow::Cow, time::Duration};

use schemas::{
    event::Event,
    route::home,
    wire::{encode_event, mark_resent},
};
use stores::{
    StoreError,
    log::{Class, QueueFull},
};
use tokio::time::timeout;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    edge::Edge,
    refusal::EdgeRefusal,
    spool::{NotTaken, Records, Spool, State, Way},
};

/// How long a request with a spool behind it waits for the log, and for the spool. What is answered then may be recorded or not.
pub const APPEND_WAIT: Duration = Duration::from_secs(2);

/// How often the log may give a request's events back.
const GIVEN_BACK_MAX: usize = 4;

/// Where an event is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Log,
    /// Nobody decides it before the log is back.
    Spool,
}

impl Edge {
    /// Appends an event and waits until it is durable.
    pub(crate) async fn append(&self, class: Class, event: Event) -> Result<Taken, EdgeRefusal> {
        self.append_all(class, vec![event]).await
    }

    /// Appends all of them or none.
    pub(crate) async fn append_all(&self, class: Class, events: Vec<Event>) -> Result<Taken, EdgeRefusal> {
        let partitions = self.log.partitions();
        let records: Records =
            events.into_iter().map(|event| (partition(&event, partitions), encode_event(event))).collect();
        match &self.spool {
            None => self.append_to_log(class, records).await,
            Some(spool) if class == Class::Own => self.append_own(spool, records).await,
            Some(spool) => to_either(spool, class, &records, || self.enqueue(class, Cow::Borrowed(&records))).await,
        }
    }

    /// Which parts of the edge can't do their work.
    pub fn not_ready(&self) -> Option<&'static str> {
        self.spool.as_ref().and_then(Spool::not_ready)
    }

    async fn append_to_log(&self, class: Class, records: Records) -> Result<Taken, EdgeRefusal> {
        match self.enqueue(class, Cow::Owned(records)).map_err(|_| EdgeRefusal::QueueFull)?.await {
            Ok(()) => Ok(Taken::Log),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// The edge's own events don't go through the spool: who appends them tries again.
    async fn append_own(&self, spool: &Spool, records: Records) -> Result<Taken, EdgeRefusal> {
        if spool.state() != State::Direct {
            return Err(EdgeRefusal::LogUnavailable);
        }
        let appending = self.append_to_log(Class::Own, records);
        timeout(APPEND_WAIT, appending).await.unwrap_or(Err(EdgeRefusal::LogUnavailable))
    }

    fn enqueue(
        &self,
        class: Class,
        records: Cow<'_, [(u32, Vec<u8>)]>,
    ) -> Result<impl Future<Output = Result<(), StoreError>> + use<>, QueueFull> {
        enum Queued {
            One(stores::log::Appending),
            Many(stores::log::AppendingMany),
        }
        let queued = match &*records {
            [(partition, record)] => Queued::One(self.log.enqueue(*partition, class, record)?),
            _ => Queued::Many(self.log.enqueue_many(class, records)?),
        };
        Ok(async {
            match queued {
                Queued::One(appending) => appending.await.map(drop),
                Queued::Many(appending) => appending.await,
            }
        })
    }
}

/// Appends to the log or the spool, whichever it is now: what the log gives back goes the way that events go then.
pub(crate) async fn to_either<F>(
    spool: &Spool,
    class: Class,
    records: &[(u32, Vec<u8>)],
    enqueue: impl Fn() -> Result<F, QueueFull>,
) -> Result<Taken, EdgeRefusal>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let arrival = spool.arrive();
    spool.turned().await;
    for _ in 0..GIVEN_BACK_MAX {
        let way = spool.hand_in(class, arrival, &enqueue, || marked(records));
        let appending = match way {
            Way::Log(appending) => appending.map_err(|_| EdgeRefusal::QueueFull)?,
            Way::Spool(spooling) => {
                // An answer that was dropped is one that a closed spool never gave.
                let spooled = timeout(APPEND_WAIT, spooling.map_err(refusal)?).await;
                let spooled = spooled.ok().and_then(Result::ok).ok_or(EdgeRefusal::SpoolUnavailable)?;
                return spooled.map(|()| Taken::Spool).map_err(refusal);
            }
        };
        match timeout(APPEND_WAIT, appending).await {
            Ok(Ok(())) => return Ok(Taken::Log),
            // None of them, so they may go the other way; had one been sent, it would count twice.
            Ok(Err(StoreError::NotSent)) => {}
            Ok(Err(error)) => return Err(unavailable(&error)),
            Err(_) => return Err(EdgeRefusal::LogUnavailable),
        }
    }
    Err(EdgeRefusal::LogUnavailable)
}

/// What any partition can decide is spread over all of them.
fn partition(event: &Event, partitions: u32) -> u32 {
    home(&event.body, partitions).unwrap_or_else(|| {
        let spread = xxh3_64(&event.id.0.to_be_bytes());
        (spread % u64::from(partitions.max(1))) as u32
    })
}

/// As the spool holds them: it may send a record twice, and only those that say so are recognised.
fn marked(records: &[(u32, Vec<u8>)]) -> Records {
    let mut marked = records.to_vec();
    marked.iter_mut().for_each(|(_, record)| mark_resent(record));
    marked
}

fn unavailable(error: &StoreError) -> EdgeRefusal {
    tracing::error!(%error, "the log did not take an event");
    EdgeRefusal::LogUnavailable
}

fn refusal(why: NotTaken) -> EdgeRefusal {
    match why {
        NotTaken::QueueFull => EdgeRefusal::QueueFull,
        NotTaken::Full | NotTaken::Failed => EdgeRefusal::SpoolUnavailable,
    }
}
