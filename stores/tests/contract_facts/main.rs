//! What every shape of facts promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod blocks;
mod clicks;
mod dashboards;
mod oracle;
mod place;
mod random;
