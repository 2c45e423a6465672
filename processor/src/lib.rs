//! From the log to the stores: read a batch, fetch what it needs, decide it, commit it; then facts, touches and replies.
//!
//! One task owns a partition. It alone decides and commits; beside it one task writes facts and one publishes replies.

mod block;
mod commit;
mod error;
mod facts;
mod fetch;
mod memory;
mod owner;
mod publish;
mod read;
mod recover;
mod settles;
mod shims;

pub use error::ProcessError;
pub use owner::{Deps, Limits, run};
pub use shims::{Rebuilt, Stage, Status, rebuild_facts, rebuild_touches};
