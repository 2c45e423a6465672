//! The running server, as the demo calls it.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::plan::{Click, Refund, Sale};

const REQUEST_LIMIT: Duration = Duration::from_secs(30);
const ANSWER_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// How often a request is sent that the server is too busy for.
const TRIES: usize = 5;
const PAUSE_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Server {
    client: Client<HttpConnector, Full<Bytes>>,
    base_url: String,
    secret_key: HeaderValue,
    codes: Vec<String>,
}

/// What came back for one request.
pub(super) struct Answer {
    pub(super) status: u16,
    body: Body,
    retry_after: Option<Duration>,
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    data: Value,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    code: String,
    message: String,
    conversion_id: Option<String>,
}

impl Server {
    pub(super) fn new(base_url: &str, secret_key: &str, codes: Vec<String>, in_flight: usize) -> anyhow::Result<Self> {
        let uri: Uri = base_url.parse().with_context(|| format!("{base_url} is no URL"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            bail!("{base_url} is no http:// URL: name the server's own address, such as http://127.0.0.1:8080");
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(in_flight).build(connector),
            base_url: base_url.trim_end_matches('/').to_owned(),
            secret_key: HeaderValue::from_str(secret_key).map_err(|_| anyhow!("the secret key is no key"))?,
            codes,
        })
    }

    /// Every try's answer, the last one last.
    pub(super) async fn click(&self, click: &Click) -> anyhow::Result<Vec<Answer>> {
        let mut body = json!({
            "code": click.code(&self.codes),
            "landingPage": click.landing_page(),
            "eventId": click.event_id,
        });
        if let Some(referrer) = &click.hit.referrer {
            body["referrer"] = json!(referrer);
        }
        let mut template = self.post("/track/click", &body)?;
        let address = HeaderValue::from_str(&click.hit.address.to_string())?;
        template.headers_mut().insert("x-forwarded-for", address);
        if let Some(agent) = &click.hit.user_agent {
            template.headers_mut().insert(USER_AGENT, HeaderValue::from_bytes(agent)?);
        }
        self.patiently(template).await
    }

    pub(super) async fn sale(&self, sale: &Sale, receipt: Option<&str>) -> anyhow::Result<Vec<Answer>> {
        let mut body = json!({
            "orderId": sale.invoice.number,
            "orderValue": sale.invoice.total_pence,
            "currency": "GBP",
            "affiliateCode": self.codes[sale.link],
        });
        if let Some(customer) = &sale.invoice.customer {
            body["customerId"] = json!(customer);
        }
        if let Some(receipt) = receipt {
            body["clickId"] = json!(receipt);
        }
        self.patiently(self.with_key(self.post("/track/conversion", &body)?)).await
    }

    pub(super) async fn refund(&self, conversion: &str, number: &str, refund: Refund) -> anyhow::Result<Vec<Answer>> {
        let mut body = json!({ "refundId": format!("{number}-refund"), "reason": "sent back" });
        if let Refund::Part { amount_pence } = refund {
            body["amount"] = json!(amount_pence);
        }
        let request = self.post(&format!("/conversions/{conversion}/refund"), &body)?;
        self.patiently(self.with_key(request)).await
    }

    /// What the company sees at this path.
    pub(super) async fn figures<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let request = self.with_key(self.request(Method::GET, path, Bytes::new())?);
        let answers = self.patiently(request).await?;
        let answer = answers.into_iter().next_back().expect("there is one for each try");
        let base_url = &self.base_url;
        match answer.status {
            200 => T::deserialize(answer.body.data).with_context(|| format!("GET {path} answered in an unknown form")),
            401 => bail!(
                "{base_url} does not take the key in demo.toml: name the folder of that server with --data-dir, or the key was rotated"
            ),
            status => bail!("GET {path} answered {status}: {}", answer.message()),
        }
    }

    /// Sends it again where the server says that it was too busy, or the key in too much of a hurry.
    async fn patiently(&self, template: Request<Full<Bytes>>) -> anyhow::Result<Vec<Answer>> {
        let keyed = template.headers().contains_key("x-api-key");
        let mut answers = Vec::new();
        loop {
            let answer = self.send(template.clone()).await?;
            let again = answer.status == 503 || (answer.status == 429 && keyed);
            let pause = answer.retry_after.unwrap_or(PAUSE_LIMIT).min(PAUSE_LIMIT);
            answers.push(answer);
            if !again || answers.len() == TRIES {
                return Ok(answers);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let base_url = &self.base_url;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| explain(base_url, &error))?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
            let body = Limited::new(response.into_body(), ANSWER_LIMIT_BYTES).collect().await;
            let body = body.map_err(|error| anyhow!("{base_url} broke off in an answer: {error}"))?;
            Ok(Answer {
                status,
                // A proxy's page is none of ours: its status says enough.
                body: serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
                retry_after,
            })
        };
        tokio::time::timeout(REQUEST_LIMIT, exchange)
            .await
            .with_context(|| format!("{base_url} did not answer within {} s", REQUEST_LIMIT.as_secs()))?
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = self.request(Method::POST, path, Bytes::from(body.to_string()))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base_url));
        request.body(Full::new(body)).with_context(|| format!("{path} is no path"))
    }

    fn with_key(&self, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
        request.headers_mut().insert("x-api-key", self.secret_key.clone());
        request
    }
}

impl Answer {
    /// A recorded click's.
    pub(super) fn receipt(&self) -> Option<&str> {
        self.body.data["clickId"].as_str()
    }

    pub(super) fn was_tracked(&self) -> bool {
        self.body.data["tracked"] != false
    }

    pub(super) fn is_done(&self) -> bool {
        self.status == 200
    }

    pub(super) fn is_attributed(&self) -> bool {
        self.is_done() && self.body.data["outcome"] == "attributed"
    }

    /// A sale's, the first one's where it is a duplicate.
    pub(super) fn conversion(&self) -> Option<&str> {
        let first = || self.body.error.as_ref()?.conversion_id.as_deref();
        self.body.data["conversionId"].as_str().or_else(first)
    }

    pub(super) fn code(&self) -> &str {
        self.body.error.as_ref().map_or("", |error| &error.code)
    }

    pub(super) fn message(&self) -> &str {
        self.body.error.as_ref().map_or("", |error| &error.message)
    }
}

fn explain(base_url: &str, error: &Error) -> anyhow::Error {
    if error.is_connect() {
        anyhow!(
            "nothing answers at {base_url}: start `refmill up` first, and say where it is with --server if it is elsewhere"
        )
    } else {
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        anyhow!("{base_url} broke off while the demo was playing ({cause}): is `refmill up` still running?")
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
