use crate::postgres;

/// Rows that several partitions write, held for a batch that found them changed again and again. Dropped, it lets go of them.
pub struct Locked(pub(super) Held);

pub(super) enum Held {
    /// One writer: there is nobody to hold them against.
    Nothing,
    Rows(Box<postgres::ledger::Locked>),
}
