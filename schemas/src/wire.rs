//! The wire: Protobuf records as `proto/refmill.proto` says, and nothing but them in and out.

mod click;
mod decision;
mod event;
mod record;
mod sound;
#[cfg(test)]
mod tests;

pub use click::is_click;
pub use decision::{decode_decision, encode_decision};
pub use event::{decode_event, encode_event, mark_resent};

/// Why a record could not be read. It is kept in quarantine with this reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("not a Protobuf record: {0}")]
    NotProtobuf(#[from] prost::DecodeError),
    #[error("field {0} is missing")]
    Missing(&'static str),
    #[error("field {0} holds what it can't")]
    Invalid(&'static str),
    /// Not garbage: it is to be decided, by who knows it.
    #[error("it was written by a newer version of Refmill")]
    Newer,
}
