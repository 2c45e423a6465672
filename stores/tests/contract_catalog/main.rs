//! What every shape of the catalog promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod companies;
mod database;
mod follow;
mod keys;
mod link_counts;
mod links;
mod outage;
mod own_server;
mod place;
mod refusals;
mod several;
mod wiped;
