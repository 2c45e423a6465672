//! One TCP connection and all of them: deadlines, caps and what a hostile client may not do.

mod accept;
mod answer;
mod drive;
mod head;
mod progress;
mod refusal;
mod stream;

use std::net::SocketAddr;
use std::time::Duration;

pub use accept::{Drained, serve};
pub use answer::Answer;

/// Open at once; the next ones are told to come back.
pub const CONNECTIONS: usize = 10_000;
/// Told so at once; beyond them a connection is closed without a word.
pub const REFUSALS: usize = 256;
/// From a request's first byte to the end of its head.
pub const HEAD_WAIT: Duration = Duration::from_secs(5);
/// Between requests.
pub const IDLE_WAIT: Duration = Duration::from_secs(60);
/// From the end of the head to the head of the response: whatever a route waits for is shorter.
pub const REQUEST_WAIT: Duration = Duration::from_secs(30);
/// Without the client taking a byte that waits for it.
pub const WRITE_WAIT: Duration = Duration::from_secs(10);
/// After the last response, for the client to read it and close: closed at once, what the client
/// is still sending would make the system throw the response away.
pub const LINGER_WAIT: Duration = Duration::from_secs(1);
/// After the shutdown signal, for what is under way.
pub const DRAIN_WAIT: Duration = Duration::from_secs(8);
/// The head of a request, and hyper's buffers.
pub const HEAD_BYTES: usize = 64 << 10;

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    pub peer: SocketAddr,
    /// Its body is here, to the last byte.
    pub is_whole: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub connections: usize,
    pub head_wait: Duration,
    pub idle_wait: Duration,
    pub request_wait: Duration,
    pub write_wait: Duration,
    pub linger_wait: Duration,
    pub drain_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            head_wait: HEAD_WAIT,
            idle_wait: IDLE_WAIT,
            request_wait: REQUEST_WAIT,
            write_wait: WRITE_WAIT,
            linger_wait: LINGER_WAIT,
            drain_wait: DRAIN_WAIT,
        }
    }
}
