//! From the log to the stores: read a batch, fetch what it needs, decide it, commit it; then facts, touches and replies.
//!
//! As many partitions as the log gives to this process are decided in it. One task owns a partition. It alone decides and commits; beside it one task writes facts and one publishes replies.

mod again;
mod append;
mod block;
mod commit;
mod decided;
mod error;
mod facts;
mod fetch;
mod memory;
mod owner;
mod pool;
mod publish;
mod read;
mod rebuild;
mod recover;
mod saving;
mod settles;
mod upkeep;

pub use block::BATCH_EVENTS_MAX;
pub use error::ProcessError;
pub use owner::{Deps, Limits};
pub use pool::{Stage, Status, run};
pub use rebuild::{Rebuilt, rebuild_facts, rebuild_touches};
