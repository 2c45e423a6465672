//! The router over real stores in a folder of their own, without sockets and without a processor: what is decided is played.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod accounts;
mod books;
mod envelope;
mod played;
mod programs;
mod reviews;
mod settings;
mod stage;
