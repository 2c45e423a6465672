use std::{pin::pin, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::aim::Aim;

const ANSWER_WAIT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A connection that is kept, and made again where the last one has ended.
pub(crate) struct Connection {
    target: Aim,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(crate) fn to(target: Aim) -> Connection {
        Connection { target, open: None }
    }

    /// Sends one request and reads all of its answer.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let answered = timeout(ANSWER_WAIT, self.try_to_ask(request)).await.context("no answer in time");
        answered.flatten().inspect_err(|_| self.open = None)
    }

    /// Opens it ahead of the first request.
    pub(crate) async fn open(&mut self) -> anyhow::Result<()> {
        if self.open.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.target.address).await.context("no connection was made")?;
            stream.set_nodelay(true)?;
            let (sending, connection) = handshake(TokioIo::new(stream)).await?;
            // Ends when `sending` is dropped or the server closes; what came of a request its sender is told.
            tokio::spawn(async move { drop(pin!(connection).await) });
            self.open = Some(sending);
        }
        Ok(())
    }

    async fn try_to_ask(&mut self, mut request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        self.open().await?;
        let sending = self.open.as_mut().context("the connection is open")?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.target.host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        sending.ready().await?;
        let (head, body) = sending.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("an answer broke off: {error}"))?;
        Ok((head.status, body.to_bytes()))
    }
}
