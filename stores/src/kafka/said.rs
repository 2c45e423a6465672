use std::sync::{Mutex, PoisonError};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
};

/// What a client last complained about, of its own accord.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    code: RDKafkaErrorCode,
    pub(super) reason: String,
}

impl Trouble {
    pub(super) fn is_of_access(&self) -> bool {
        is_of_access(self.code)
    }
}

/// Whether Kafka knows this user and does not let him, or does not know him.
pub(super) fn is_of_access(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
    )
}

/// Listens to a client and keeps the last trouble, but rather the one that was first told it has no access.
#[derive(Default)]
pub(super) struct Said(Mutex<Option<Trouble>>);

impl Said {
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That all brokers are down says less than why.
        if code != RDKafkaErrorCode::AllBrokersDown && !kept.as_ref().is_some_and(Trouble::is_of_access) {
            *kept = Some(Trouble { code, reason: reason.to_owned() });
        }
    }
}

impl ClientContext for Said {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.keep(&error, reason);
    }
}

impl ConsumerContext for Said {}

/// A lost connection is what the client deals with by itself: nobody is woken for one.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, "Kafka's client: {message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(facility, "Kafka's client: {message}"),
        _ => tracing::debug!(facility, "Kafka's client: {message}"),
    }
}
