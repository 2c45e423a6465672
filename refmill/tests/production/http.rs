//! Requests to the roles, each with an end.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
pub(crate) const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A process that is frozen says nothing: after so long it counts as no answer.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Clone)]
pub(crate) struct Http(Client<HttpConnector, Full<Bytes>>);

#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Http {
    pub(crate) fn new() -> Http {
        Http(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(64).build_http())
    }

    /// The answer, or why there is none.
    pub(crate) async fn send(&self, to: SocketAddr, request: &Request) -> Result<Reply, String> {
        self.send_to(&format!("http://{to}"), request, PATIENCE).await
    }

    pub(crate) async fn send_to(&self, base: &str, request: &Request, patience: Duration) -> Result<Reply, String> {
        let mut made = hyper::Request::builder().method(request.method).uri(format!("{base}{}", request.path));
        for (name, value) in &request.headers {
            made = made.header(*name, value);
        }
        let made = made.body(Full::new(Bytes::from(request.body.clone()))).expect("a request");
        let exchange = async {
            let reply = self.0.request(made).await.map_err(|error| format!("{error:?}"))?;
            let status = reply.status().as_u16();
            let body = reply.into_body().collect().await.map_err(|error| format!("{error:?}"))?;
            Ok(Reply { status, text: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
        };
        let late = |_| Err(format!("no answer in {} s", patience.as_secs()));
        tokio::time::timeout(patience, exchange).await.unwrap_or_else(late)
    }
}

impl Request {
    fn new(method: &'static str, path: impl Into<String>) -> Request {
        let headers = vec![("user-agent", BROWSER.to_owned())];
        Request { method, path: path.into(), headers, body: Vec::new() }
    }

    pub(crate) fn get(path: impl Into<String>) -> Request {
        Request::new("GET", path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Request {
        Request::new("POST", path)
    }

    pub(crate) fn patch(path: impl Into<String>) -> Request {
        Request::new("PATCH", path)
    }

    pub(crate) fn json(self, body: &Value) -> Request {
        self.header("content-type", "application/json").raw(body.to_string())
    }

    pub(crate) fn raw(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    pub(crate) fn key(self, secret: &str) -> Request {
        self.header("x-api-key", secret)
    }

    /// Whom the request came from, as the proxy in front of the edge says.
    pub(crate) fn visitor(self, address: Ipv4Addr) -> Request {
        self.header("x-forwarded-for", &address.to_string())
    }

    /// Takes the place of what was said before under this name.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Request {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl Reply {
    /// Null where the body is no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn data(&self) -> Value {
        self.json()["data"].take()
    }

    /// The data of an answer that has to be a good one.
    #[track_caller]
    pub(crate) fn good(&self) -> Value {
        assert!((200..300).contains(&self.status) && self.json()["success"] == true, "{self:?}");
        self.data()
    }
}
