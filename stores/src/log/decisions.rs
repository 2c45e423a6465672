use crate::{StoreError, kafka, sqlite};

/// Follows the stream of decisions.
pub enum DecisionReader {
    Embedded(sqlite::log::DecisionReader),
    Distributed(kafka::log::DecisionReader),
}

impl DecisionReader {
    /// Waits for decisions and returns all that are there, at most a named number. Dropping the wait loses none.
    pub async fn next(&mut self) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            DecisionReader::Embedded(reader) => reader.next().await,
            DecisionReader::Distributed(reader) => reader.next().await,
        }
    }
}
