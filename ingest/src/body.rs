//! A request's body, within a length, a time and a share of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::{Instant, timeout_at};

/// For the whole of a body.
pub const BODY_WAIT: Duration = Duration::from_secs(10);
pub const CLICK_BYTES: usize = 8 << 10;
pub const CONVERSION_BYTES: usize = 64 << 10;
pub const BATCH_BYTES: usize = 1 << 20;

/// All bodies being read or worked on, in bytes.
pub const IN_FLIGHT_BYTES: usize = 64 << 20;

/// After any of them the connection closes, because the rest of the body may still be coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("a body here has at most {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body took too long")]
    TooSlow,
    #[error("the body ended early or its chunks are malformed")]
    Broken,
    #[error("too many requests are being read")]
    Overloaded,
}

impl BodyError {
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The memory all bodies share.
#[derive(Debug, Clone)]
pub struct Budget {
    left: Arc<AtomicUsize>,
}

impl Budget {
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(bytes)) }
    }

    #[must_use]
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    fn lease(&self) -> Lease<'_> {
        Lease { budget: self, bytes: 0 }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(IN_FLIGHT_BYTES)
    }
}

/// A body and its share of the budget, given back when this is dropped.
#[derive(Debug)]
pub struct Whole<'a> {
    pub bytes: Bytes,
    _lease: Lease<'a>,
}

#[derive(Debug)]
struct Lease<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Lease<'_> {
    /// What has come counts, not what was announced: else a few slow clients could announce it all away.
    fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        let take = |left: usize| left.checked_sub(bytes);
        let taken = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map_err(|_| BodyError::Overloaded)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Reads all of it, or says why not.
pub async fn read<B>(body: B, limit_bytes: usize, wait: Duration, budget: &Budget) -> Result<Whole<'_>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let deadline = Instant::now() + wait;
    timeout_at(deadline, read_here(body, limit_bytes, budget)).await.unwrap_or(Err(BodyError::TooSlow))
}

/// The same of a body that is known to be here: it is waited for without an end.
pub async fn read_here<B>(mut body: B, limit_bytes: usize, budget: &Budget) -> Result<Whole<'_>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > limit_bytes as u64 {
        return Err(BodyError::TooLarge { limit: limit_bytes });
    }
    let mut lease = budget.lease();
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if lease.bytes + data.len() > limit_bytes {
            return Err(BodyError::TooLarge { limit: limit_bytes });
        }
        lease.grow(data.len())?;
        // Nearly every body is one frame, and is not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&first);
            first = Bytes::new();
        }
        rest.extend_from_slice(&data);
    }
    let bytes = if rest.is_empty() { first } else { rest.freeze() };
    Ok(Whole { bytes, _lease: lease })
}

#[cfg(test)]
mod tests;
