//! From a socket to the log: what comes in is bounded, checked, hashed, stamped and appended.

pub mod address;
pub mod agent;
pub mod append;
pub mod body;
pub mod click;
pub mod connection;
pub mod counts;
pub mod edge;
pub mod fields;
pub mod follower;
pub mod keys;
pub mod limiter;
pub mod refusal;
pub mod snapshot;
pub mod spool;
pub mod stamp;
pub mod waiters;

mod answer;
mod batch;
mod conversion;
mod disposable;
mod in_place;
mod page;
mod postback;
mod redirect;
mod serve;

pub use answer::Page;
pub use serve::{Answering, Fallback, serve};
