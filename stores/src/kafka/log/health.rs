use std::time::{Duration, Instant};

use rdkafka::producer::Producer as _;
use tokio::sync::watch;

use super::{producer::Producer, threads::Stop};
use crate::log::Health;

/// How long records may wait without a single delivery before Kafka counts as away.
const AWAY_AFTER: Duration = Duration::from_secs(1);

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long Kafka may take to say that it is there, and how long after one question the next is asked.
const PROBE_WAIT: Duration = Duration::from_secs(1);
/// While it is away nobody's records wait for the answer, and one that is slow must not count as away for good.
const PROBE_AWAY_WAIT: Duration = Duration::from_secs(5);

const PROBE_EVERY: Duration = Duration::from_millis(250);

/// Watches over deliveries, and hands over what was held back once Kafka is there again.
pub(super) struct Watch {
    producer: Producer,
    health: watch::Sender<Health>,
    lanes: Box<[Seen]>,
    /// As of the last look.
    failed: u64,
    probed_at: Option<Instant>,
}

/// What was seen of a lane at the last look.
#[derive(Clone, Default)]
struct Seen {
    delivered: u64,
    /// Since when records wait without a delivery.
    stalled_since: Option<Instant>,
}

impl Seen {
    fn has_stalled(&self) -> bool {
        self.stalled_since.is_some_and(|since| since.elapsed() >= AWAY_AFTER)
    }
}

impl Watch {
    pub(super) fn new(producer: Producer) -> (Watch, watch::Receiver<Health>) {
        let (health, known) = watch::channel(Health::Well);
        let lanes = vec![Seen::default(); producer.flow.lanes().count()].into();
        (Watch { producer, health, lanes, failed: 0, probed_at: None }, known)
    }

    pub(super) fn run(mut self, stop: &Stop) {
        while !stop.is_asked() && *self.health.borrow() != Health::Broken {
            std::thread::sleep(LOOK_EVERY);
            self.look();
        }
    }

    fn look(&mut self) {
        let flow = self.producer.flow.clone();
        metrics::gauge!("refmill_log_waiting_events").set(flow.waiting() as f64);
        let has_delivered = self.count();
        if let Some((_, reason)) = self.producer.client.client().fatal_error() {
            return self.breaks(&reason);
        }
        let is_waiting = flow.handed_over() > 0;
        if has_delivered {
            flow.found_brokers();
        }
        // Partitions have leaders of their own: one that is away alone is seen too, whatever the others take.
        let has_stalled = self.lanes.iter().any(Seen::has_stalled);
        let is_away = *self.health.borrow() == Health::Away;
        match (is_away, is_waiting) {
            (true, true) if has_delivered && !has_stalled => self.is_back(),
            // What waits says by its delivery that Kafka is back. Where nothing waits, it is asked.
            (true, false) if self.probe(PROBE_AWAY_WAIT) == Some(true) => self.is_back(),
            (true, _) => {}
            (false, true) if flow.has_lost_brokers() || has_stalled => self.is_gone(),
            // Connections that idle are closed, which looks the same.
            (false, false) if flow.has_lost_brokers() => match self.probe(PROBE_WAIT) {
                Some(true) => flow.found_brokers(),
                Some(false) => self.is_gone(),
                None => {}
            },
            (false, _) => {}
        }
    }

    /// Whether anything was delivered since the last look.
    fn count(&mut self) -> bool {
        let flow = &self.producer.flow;
        let mut delivered = 0;
        for (lane, seen) in flow.lanes().zip(&mut self.lanes) {
            let new = lane.delivered() - seen.delivered;
            seen.delivered += new;
            delivered += new;
            if new > 0 || lane.handed_over() == 0 {
                seen.stalled_since = None;
            } else if seen.stalled_since.is_none() {
                seen.stalled_since = Some(Instant::now());
            }
        }
        let failed = flow.failed();
        metrics::counter!("refmill_log_delivered_records_total").increment(delivered);
        metrics::counter!("refmill_log_failed_records_total").increment(failed - self.failed);
        self.failed = failed;
        delivered > 0
    }

    /// Whether the leader of the first partition answers, where it has not just been asked.
    fn probe(&mut self, wait: Duration) -> Option<bool> {
        if self.probed_at.is_some_and(|at| at.elapsed() < PROBE_EVERY) {
            return None;
        }
        let answer = self.producer.client.client().fetch_watermarks(&self.producer.topics.events, 0, wait);
        self.probed_at = Some(Instant::now());
        Some(answer.is_ok())
    }

    fn breaks(&self, reason: &str) {
        self.producer.flow.set_away();
        self.say(Health::Broken);
        tracing::error!(reason, "Kafka's client can append nothing more");
    }

    fn is_gone(&self) {
        self.producer.flow.set_away();
        self.say(Health::Away);
        tracing::error!(records = self.producer.flow.handed_over(), "Kafka is away: nothing more is sent to it");
    }

    fn is_back(&self) {
        self.producer.flow.found_brokers();
        self.producer.hand_over_held_back();
        self.say(Health::Well);
        tracing::info!("Kafka is back");
    }

    fn say(&self, health: Health) {
        metrics::gauge!("refmill_log_away").set(if health == Health::Well { 0.0 } else { 1.0 });
        self.health.send_replace(health);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use rdkafka::{
        ClientConfig,
        config::FromClientConfigAndContext as _,
        mocking::MockCluster,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };
    use tokio::time::timeout;

    use super::*;
    use crate::kafka::{
        log::{
            delivery::{Client, Deliveries},
            flow::Flow,
            threads::Threads,
            topics::Topics,
        },
        said::Said,
    };

    const WAIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_client_that_can_append_nothing_more_is_known_to_be_broken() {
        let cluster = MockCluster::new(1).unwrap();
        let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED];
        cluster.request_errors(RDKafkaApiKey::InitProducerId, &refused);
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("enable.idempotence", "true");
        let flow = Arc::new(Flow::new(1));
        let deliveries = Deliveries { flow: flow.clone(), said: Said::default() };
        let client = Arc::new(Client::from_config_and_context(&config, deliveries).unwrap());
        let producer = Producer { client, flow, topics: Arc::new(Topics::of("any").unwrap()) };
        let threads = Threads::default();
        let (polling, stop) = (producer.clone(), threads.stop.clone());
        threads.start("deliveries".to_owned(), move || polling.poll(&stop)).unwrap();
        let (watch, mut health) = Watch::new(producer);
        let stop = threads.stop.clone();
        threads.start("health".to_owned(), move || watch.run(&stop)).unwrap();
        let known = timeout(WAIT, health.wait_for(|health| *health == Health::Broken)).await;
        assert!(known.is_ok(), "it is never known");
        threads.join().await;
    }
}
