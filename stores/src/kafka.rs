//! Kafka holds the log.

pub(crate) mod log;
mod said;
mod settings;
mod url;

use rdkafka::{ClientConfig, error::KafkaError};

use crate::OpenError;
use said::Trouble;

/// Where Kafka is and how to be let in.
pub(crate) struct Kafka {
    config: ClientConfig,
    /// Hosts and ports: what may be said in an error.
    address: String,
}

const SERVER: &str = "Kafka";
const FLAG: &str = "kafka";

impl Kafka {
    pub(crate) fn read(url: &str) -> Result<Kafka, OpenError> {
        url::read(url)
    }

    fn unfit(&self, problem: impl Into<String>, advice: impl Into<String>) -> OpenError {
        OpenError::Unfit {
            server: SERVER,
            address: self.address.clone(),
            problem: problem.into(),
            advice: advice.into(),
        }
    }

    fn unauthorized(&self, problem: String) -> OpenError {
        OpenError::Unauthorized { server: SERVER, flag: FLAG, address: self.address.clone(), problem }
    }

    /// The settings were not understood: a file of authorities that is not there, a mechanism that nobody knows.
    fn broken(&self, error: &KafkaError) -> OpenError {
        OpenError::BadUrl { flag: FLAG, problem: error.to_string() }
    }

    /// Why nothing came back: what the client said of its own accord tells more than the time that ran out.
    fn unanswered(&self, error: &KafkaError, said: Option<Trouble>) -> OpenError {
        let (server, flag, address) = (SERVER, FLAG, self.address.clone());
        match said {
            Some(trouble) if trouble.is_of_access() => {
                OpenError::Unauthorized { server, flag, address, problem: trouble.reason }
            }
            Some(trouble) => OpenError::unreachable(server, flag, address, trouble.reason),
            None => OpenError::Unreachable { server, flag, address, problem: error.to_string() },
        }
    }
}
