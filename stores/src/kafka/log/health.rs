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
const PROBE_EVERY: Duration = Duration::from_millis(250);

/// Watches over deliveries, and hands over what was held back once Kafka is there again.
pub(super) struct Watch {
    producer: Producer,
    health: watch::Sender<Health>,
    /// As of the last look.
    delivered: u64,
    failed: u64,
    /// Since when records wait without a delivery.
    stalled_since: Option<Instant>,
    probed_at: Option<Instant>,
}

impl Watch {
    pub(super) fn new(producer: Producer) -> (Watch, watch::Receiver<Health>) {
        let (health, known) = watch::channel(Health::Well);
        let watch = Watch { producer, health, delivered: 0, failed: 0, stalled_since: None, probed_at: None };
        (watch, known)
    }

    pub(super) fn run(mut self, stop: &Stop) {
        while !stop.is_asked() {
            std::thread::sleep(LOOK_EVERY);
            self.look();
        }
    }

    fn look(&mut self) {
        let flow = self.producer.flow.clone();
        metrics::gauge!("refmill_log_waiting_events").set(flow.waiting() as f64);
        let has_delivered = self.count();
        let is_waiting = flow.handed_over() > 0;
        if has_delivered {
            flow.found_brokers();
        }
        if !is_waiting || has_delivered {
            self.stalled_since = None;
        } else if self.stalled_since.is_none() {
            self.stalled_since = Some(Instant::now());
        }
        let is_away = *self.health.borrow() == Health::Away;
        match (is_away, is_waiting) {
            (true, true) if has_delivered => self.is_back(),
            // What waits says by its delivery that Kafka is back. Where nothing waits, it is asked.
            (true, false) if self.probe() == Some(true) => self.is_back(),
            (true, _) => {}
            (false, true) if flow.has_lost_brokers() || self.has_stalled() => self.is_gone(),
            // Connections that idle are closed, which looks the same.
            (false, false) if flow.has_lost_brokers() => match self.probe() {
                Some(true) => flow.found_brokers(),
                Some(false) => self.is_gone(),
                None => {}
            },
            (false, _) => {}
        }
    }

    /// Whether anything was delivered since the last look.
    fn count(&mut self) -> bool {
        let (delivered, failed) = self.producer.flow.outcomes();
        let (new, lost) = (delivered - self.delivered, failed - self.failed);
        (self.delivered, self.failed) = (delivered, failed);
        metrics::counter!("refmill_log_delivered_records_total").increment(new);
        metrics::counter!("refmill_log_failed_records_total").increment(lost);
        new > 0
    }

    fn has_stalled(&self) -> bool {
        self.stalled_since.is_some_and(|since| since.elapsed() >= AWAY_AFTER)
    }

    /// Whether the leader of the first partition answers, where it has not just been asked.
    fn probe(&mut self) -> Option<bool> {
        if self.probed_at.is_some_and(|at| at.elapsed() < PROBE_EVERY) {
            return None;
        }
        let answer = self.producer.client.client().fetch_watermarks(&self.producer.topics.events, 0, PROBE_WAIT);
        self.probed_at = Some(Instant::now());
        Some(answer.is_ok())
    }

    fn is_gone(&self) {
        self.producer.flow.set_away();
        self.say(Health::Away);
        tracing::error!(records = self.producer.flow.handed_over(), "Kafka is away: nothing more is sent to it");
    }

    fn is_back(&mut self) {
        self.stalled_since = None;
        self.producer.flow.found_brokers();
        self.producer.hand_over_held_back();
        self.say(Health::Well);
        tracing::info!("Kafka is back");
    }

    fn say(&self, health: Health) {
        metrics::gauge!("refmill_log_away").set(if health == Health::Away { 1.0 } else { 0.0 });
        self.health.send_replace(health);
    }
}
