//! What every log must do, and what only one of the two can show.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod appending;
mod broker;
mod decisions;
mod embedded;
mod lag;
mod opening;
mod outage;
mod outside;
mod ownership;
mod place;
mod reading;
