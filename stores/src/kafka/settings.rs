//! How each kind of client is set. Whatever is not said here is as librdkafka has it.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::Kafka;

/// After how long without an answer a request counts as lost.
const REQUEST_WAIT: Duration = Duration::from_secs(10);
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// Between two tries to connect, at the most: so soon is everything well again once a broker is back.
const RECONNECT_WITHIN: Duration = Duration::from_secs(1);

/// What is waited for others to be sent along: as long as Kafka's own clients wait since its version 4. At 10,000 clicks a second the broker
/// spends half as much on a click as with 2; 64 connections that wait for one answer after the other get half as many.
const LINGER_MS: &str = "5";

/// Requests under way to a broker. What comes meanwhile goes along with the next one: with more of them under way a request holds a record or
/// two, and costs the broker and us as much as one of many.
const REQUESTS_UNDER_WAY: &str = "1";

/// Bytes of one batch, and of the largest record.
const BATCH_BYTES: usize = 1_000_000;

/// A broker answers as soon as it has anything; without anything after this time.
const FETCH_WAIT: Duration = Duration::from_millis(500);

/// How soon fetching goes on after a pause, for a full queue or an error.
const FETCH_AGAIN: Duration = Duration::from_millis(10);
const FETCH_AGAIN_AFTER_ERROR: Duration = Duration::from_millis(200);

/// How often a reader's client says how far the log goes.
const STATISTICS_EVERY: Duration = Duration::from_secs(5);

/// What a reader's client holds ahead, before it is taken over into our own buffer.
const AHEAD_RECORDS: usize = 16_384;
const AHEAD_KBYTES: usize = 8_192;

/// Where a reader goes on whose place is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenLost {
    Fail,
    /// What was missed is missed: it goes on with the oldest that is kept.
    Earliest,
}

impl Kafka {
    fn client(&self) -> ClientConfig {
        let mut config = self.config.clone();
        config
            .set("client.id", "refmill")
            .set("socket.timeout.ms", millis(REQUEST_WAIT))
            .set("socket.connection.setup.timeout.ms", millis(CONNECT_WAIT))
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("log.connection.close", "false")
            .set("reconnect.backoff.max.ms", millis(RECONNECT_WITHIN));
        config
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.client()
    }

    /// A record is tried until it is delivered, in its place and once: what waits too long is for its sender to judge.
    pub(super) fn producer(&self, queue_records: usize) -> ClientConfig {
        let mut config = self.client();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("linger.ms", LINGER_MS)
            .set("max.in.flight.requests.per.connection", REQUESTS_UNDER_WAY)
            .set("batch.size", BATCH_BYTES.to_string())
            .set("message.max.bytes", BATCH_BYTES.to_string())
            // Never to be reached: our own queue is the shallower one.
            .set("queue.buffering.max.messages", queue_records.min(MAX_QUEUE_RECORDS).to_string())
            .set("queue.buffering.max.kbytes", MAX_QUEUE_KBYTES);
        config
    }

    /// Reads partitions that are given to it by hand, from offsets that are kept elsewhere. It joins no group, yet must name
    /// one. Nobody writes in transactions here, and what all replicas have is what is read: an open transaction of somebody
    /// else's must not hold readers up.
    pub(super) fn reader(&self, group: &str, when_lost: WhenLost) -> ClientConfig {
        let mut config = self.client();
        let reset = match when_lost {
            WhenLost::Fail => "error",
            WhenLost::Earliest => "earliest",
        };
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", reset)
            .set("isolation.level", "read_uncommitted")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", millis(FETCH_WAIT))
            .set("fetch.queue.backoff.ms", millis(FETCH_AGAIN))
            .set("fetch.error.backoff.ms", millis(FETCH_AGAIN_AFTER_ERROR))
            .set("queued.min.messages", AHEAD_RECORDS.to_string())
            .set("queued.max.messages.kbytes", AHEAD_KBYTES.to_string())
            .set("statistics.interval.ms", millis(STATISTICS_EVERY));
        config
    }

    /// A member that is told which partitions are its own, and fetches none of them.
    pub(super) fn member(&self, group: &str, session: Duration, let_go_wait: Duration) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(session))
            .set("heartbeat.interval.ms", millis(session / 3))
            // Polling stands still while an owner lets go; the others wait for that at the most so long.
            .set("max.poll.interval.ms", millis(session.max(let_go_wait) * 2));
        config
    }
}

/// The most that librdkafka takes.
const MAX_QUEUE_RECORDS: usize = 10_000_000;
const MAX_QUEUE_KBYTES: &str = "2147483647";

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}
