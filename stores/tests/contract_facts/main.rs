//! What every shape of facts promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod again;
mod blocks;
mod clicks;
mod dashboards;
mod database;
mod guide;
mod once;
mod oracle;
mod place;
mod random;
mod schema;
mod server;
mod view;
