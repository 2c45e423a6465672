//! The edge: what every request's handler works with, and which handler a path has.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderMap, Method, Request, Response, header};
use hyper::body::Incoming;
use schemas::{
    decision::EventKind,
    event::{Body, Event},
    ids::{CompanyId, EventId, KeyId},
    time::TimeMs,
};
use stores::log::Log;

use crate::{
    address::{Address, TrustedProxies, client},
    agent::Agents,
    answer::{Page, refused},
    batch, body,
    body::{Budget, Whole},
    click,
    connection::Arrival,
    conversion,
    counts::RefusedCounts,
    follower::Follower,
    limiter::{ClickLimiter, KeyLimiter},
    postback, redirect,
    refusal::EdgeRefusal,
    spool::Spool,
    stamp::EventIds,
    waiters::Waiters,
};

/// Everything that answering a request takes. Nothing in it is another server's.
pub struct Edge {
    pub config: EdgeConfig,
    pub log: Log,
    /// None where the log is in this process.
    pub spool: Option<Spool>,
    pub follower: Follower,
    pub waiters: Waiters,
    pub ids: Arc<EventIds>,
    pub clicks: ClickLimiter,
    pub key_limiter: Arc<KeyLimiter>,
    pub agents: Agents,
    pub bodies: Budget,
    pub refused: Arc<RefusedCounts>,
    pub now: fn() -> TimeMs,
}

#[derive(Debug, Clone)]
pub struct EdgeConfig {
    pub trusted_proxies: TrustedProxies,
    /// Whether events come in here. Where they don't, their paths are the fallback's as well.
    pub takes_events: bool,
    /// How long a conversion's caller waits for its decision before it gets a 202.
    pub decision_wait: Duration,
    /// Random, this process's own: what the click limiter knows addresses by.
    pub limiter_key: [u8; 16],
}

/// The paths that are the edge's own; all others are the fallback's.
pub fn owns(path: &str) -> bool {
    path.starts_with("/track/") || path.starts_with("/r/") || path == "/postback"
}

impl Edge {
    pub async fn handle(&self, request: Request<Incoming>, arrival: Arrival) -> Response<Page> {
        let is_tracked = request.uri().path().starts_with("/track/");
        let outcome = match request.uri().path() {
            "/track/click" => self.click(request, arrival).await,
            // Beside a click's theirs are large, and each connection keeps room for the largest.
            "/track/conversion" => Box::pin(self.conversion(request, arrival)).await,
            "/track/batch" => Box::pin(self.batch(request, arrival)).await,
            "/postback" => self.postback(request).await,
            path => match path.strip_prefix("/r/") {
                Some(code) => Box::pin(redirect::answer(self, &request, code, arrival.peer)).await,
                None => Err(EdgeRefusal::NoSuchPath),
            },
        };
        let mut response = outcome.unwrap_or_else(|refusal| refused(&refusal));
        if is_tracked {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
        }
        response
    }

    async fn click(&self, request: Request<Incoming>, arrival: Arrival) -> Result<Response<Page>, EdgeRefusal> {
        match *request.method() {
            Method::POST => {}
            Method::OPTIONS => return Ok(crate::answer::preflight()),
            _ => return Err(EdgeRefusal::MethodNotAllowed { allowed: "POST, OPTIONS" }),
        }
        expect_json(request.headers(), &["application/json", "text/plain"], " or text/plain")?;
        let (head, body) = request.into_parts();
        let whole = self.read(body, body::CLICK_BYTES, arrival).await?;
        let stamped = click::take_in(self, &head.headers, arrival.peer, &whole.bytes)?;
        // While a part of what was read is held, reading on takes another buffer for each connection that waits.
        drop((head, whole));
        click::answer(self, stamped).await
    }

    async fn conversion(&self, request: Request<Incoming>, arrival: Arrival) -> Result<Response<Page>, EdgeRefusal> {
        match *request.method() {
            Method::POST => {}
            Method::OPTIONS => return Ok(crate::answer::preflight()),
            _ => return Err(EdgeRefusal::MethodNotAllowed { allowed: "POST, OPTIONS" }),
        }
        expect_json(request.headers(), &["application/json"], "")?;
        let (head, body) = request.into_parts();
        let caller = conversion::caller(self, &head.headers)?;
        let whole = self.read(body, body::CONVERSION_BYTES, arrival).await;
        let whole = whole.inspect_err(|_| self.count_refused(caller.company, EventKind::Sale))?;
        let (conversion, event) = conversion::take_in(self, caller, &whole.bytes)?;
        drop((head, whole));
        conversion::decide(self, conversion, event).await
    }

    async fn batch(&self, request: Request<Incoming>, arrival: Arrival) -> Result<Response<Page>, EdgeRefusal> {
        match *request.method() {
            Method::POST => {}
            Method::OPTIONS => return Ok(crate::answer::preflight()),
            _ => return Err(EdgeRefusal::MethodNotAllowed { allowed: "POST, OPTIONS" }),
        }
        expect_json(
            request.headers(),
            &["application/json", "text/plain", "application/x-ndjson"],
            ", text/plain or application/x-ndjson",
        )?;
        let (head, body) = request.into_parts();
        let whole = self.read(body, body::BATCH_BYTES, arrival).await?;
        let taken = batch::take_all(self, &head.headers, arrival.peer, &whole.bytes)?;
        drop((head, whole));
        batch::answer(self, taken).await
    }

    async fn postback(&self, request: Request<Incoming>) -> Result<Response<Page>, EdgeRefusal> {
        if request.method() != Method::GET {
            return Err(EdgeRefusal::MethodNotAllowed { allowed: "GET" });
        }
        postback::answer(self, request.uri().query().unwrap_or_default()).await
    }

    /// What has come already needs no clock.
    async fn read(&self, body: Incoming, limit_bytes: usize, arrival: Arrival) -> Result<Whole<'_>, EdgeRefusal> {
        if arrival.is_whole {
            return Ok(body::read_here(body, limit_bytes, &self.bodies).await?);
        }
        Ok(body::read(body, limit_bytes, body::BODY_WAIT, &self.bodies).await?)
    }

    /// Where the request came from, as far as that can be believed.
    pub(crate) fn address(&self, headers: &HeaderMap, peer: SocketAddr) -> Address {
        client(peer.ip(), headers, &self.config.trusted_proxies)
    }

    pub(crate) fn stamp(&self, now: TimeMs, key: Option<KeyId>, body: Body) -> Event {
        self.stamp_as(self.ids.next(), now, key, body)
    }

    pub(crate) fn stamp_as(&self, id: EventId, now: TimeMs, key: Option<KeyId>, body: Body) -> Event {
        let is_waited_for = matches!(body, Body::Lead(_) | Body::Sale(_));
        Event {
            id,
            stamped_at: now,
            resent: false,
            reply_to: is_waited_for.then(|| self.waiters.reply_partition()),
            key,
            first_appended_at: None,
            body,
        }
    }

    /// Counts a refusal that is somebody's.
    pub(crate) fn count_refused(&self, company: CompanyId, kind: EventKind) {
        self.refused.add(company, kind);
    }
}

fn expect_json(headers: &HeaderMap, taken: &[&str], more: &'static str) -> Result<(), EdgeRefusal> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if taken.iter().any(|kind| kind.eq_ignore_ascii_case(essence)) {
        Ok(())
    } else {
        Err(EdgeRefusal::UnsupportedMediaType { more })
    }
}
