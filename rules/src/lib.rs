//! The domain: attribution, fraud, commission and the ledger's transfers. Pure: no clock, no randomness, no IO, no async.
//!
//! The processor fetches what a batch needs into [`Known`], calls [`decide`] for one event after the other, and commits the
//! [`Effect`]s.

pub mod effect;
pub mod known;
pub mod touches;
