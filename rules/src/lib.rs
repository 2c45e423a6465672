//! The domain: attribution, fraud, commission and the ledger's transfers. Pure: no clock, no randomness, no IO, no async.
//!
//! The processor fetches what a batch needs into [`Known`], calls [`decide`] for one event after the other, and commits the
//! [`Effect`]s.

mod apply;
mod attribution;
mod bind;
mod budget;
mod case;
mod change;
mod claim;
mod click;
mod commission;
mod conclude;
mod decide;
pub mod effect;
mod forward;
mod fraud;
mod grounds;
pub mod known;
mod ledger;
pub mod needs;
pub mod presets;
mod refund;
pub mod replay;
mod review;
mod settle;
mod tick;
pub mod touches;
mod undecided;

pub use click::look_ahead;
pub use decide::{decide, decide_into};
pub use effect::Effect;
pub use known::Known;
pub use needs::{Needs, needs, rests_on_rows};
