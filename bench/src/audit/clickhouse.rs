//! ClickHouse by plain HTTP.

use std::{pin::pin, time::Duration};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use url::Url;

use super::store::{EachRow, Row};

/// Until an answer begins, and between two parts of it: a server may have to sort first.
const ANSWER_WAIT: Duration = Duration::from_secs(300);

/// What is read of an answer that says what is wrong, and of one that is read whole.
const WHOLE_BYTES_MAX: usize = 4 << 20;

/// Where facts are when nobody has said otherwise.
const DATABASE: &str = "refmill";

/// A row that is longer is none of ours.
const ROW_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(super) struct ClickHouse {
    server: Url,
    database: String,
    user: Option<HeaderValue>,
    password: Option<HeaderValue>,
}

impl ClickHouse {
    /// `http://[user:password@]host:port/[database]`.
    pub(super) fn of(url: &str) -> anyhow::Result<ClickHouse> {
        let server = Url::parse(url).with_context(|| format!("{url} is no URL"))?;
        ensure!(server.scheme() == "http", "ClickHouse is asked by plain HTTP, which {} is not", server.scheme());
        let part = |text: &str| -> anyhow::Result<Option<HeaderValue>> {
            let text = percent_decoded(text)?;
            Ok(if text.is_empty() { None } else { Some(HeaderValue::from_str(&text)?) })
        };
        let user = part(server.username())?;
        let password = part(server.password().unwrap_or_default())?;
        let named = percent_decoded(server.path().trim_matches('/'))?;
        let database = if named.is_empty() { DATABASE.to_owned() } else { named };
        Ok(ClickHouse { server, database, user, password })
    }

    pub(super) async fn each(&self, question: &str, each: EachRow<'_>) -> anyhow::Result<()> {
        let mut path = self.server.clone();
        path.set_path("/");
        path.query_pairs_mut()
            .clear()
            .append_pair("database", &self.database)
            .append_pair("default_format", "TabSeparated");
        let mut request = Request::post(path.as_str()).body(Full::from(question.to_owned()))?;
        for (name, value) in [("x-clickhouse-user", &self.user), ("x-clickhouse-key", &self.password)] {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let mut answer = ask(&self.server, request).await?;
        let mut rest = Vec::new();
        while let Some(frame) = timeout(ANSWER_WAIT, answer.frame()).await.context("the answer stops short")? {
            let frame = frame.context("the answer breaks off")?;
            rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            for line in rest[..whole].split_inclusive(|byte| *byte == b'\n') {
                each_line(line, each)?;
            }
            rest.drain(..whole);
            ensure!(rest.len() <= ROW_BYTES_MAX, "a row is longer than {ROW_BYTES_MAX} bytes");
        }
        // What ends without a line's end ends too early: the server says why in its place.
        ensure!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        Ok(())
    }
}

fn each_line(line: &[u8], each: EachRow<'_>) -> anyhow::Result<()> {
    let line = std::str::from_utf8(line)?.trim_end_matches('\n');
    ensure!(!line.starts_with("Code: "), "{line}");
    let columns: Vec<&str> = line.split('\t').map(|text| if text == "\\N" { "" } else { text }).collect();
    each(&Row(&columns))
}

/// A whole page.
pub(super) async fn get(url: &str) -> anyhow::Result<String> {
    let server = Url::parse(url).with_context(|| format!("{url} is no URL"))?;
    let answer = ask(&server, Request::get(server.as_str()).body(Full::default())?).await?;
    whole(answer).await
}

async fn ask(server: &Url, mut request: Request<Full<Bytes>>) -> anyhow::Result<Incoming> {
    let (host, port) =
        (server.host_str().context("a URL without a host")?, server.port_or_known_default().unwrap_or(80));
    let host = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, port)).await.with_context(|| format!("{host}:{port} was not reached"))?;
    let (mut sending, connection) = handshake(TokioIo::new(stream)).await?;
    // Ends with the answer; what came of it the reader is told.
    tokio::spawn(async move { drop(pin!(connection).await) });
    let uri = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse()?;
    *request.uri_mut() = uri;
    let name = HeaderValue::from_str(&format!("{host}:{port}"))?;
    headers(request.headers_mut(), name);
    let answer = timeout(ANSWER_WAIT, sending.send_request(request)).await.context("no answer in time")??;
    let (head, body) = answer.into_parts();
    if !head.status.is_success() {
        bail!("{}: {}", head.status, whole(body).await?.trim());
    }
    Ok(body)
}

fn headers(headers: &mut HeaderMap, host: HeaderValue) {
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

async fn whole(body: Incoming) -> anyhow::Result<String> {
    let body = http_body_util::Limited::new(body, WHOLE_BYTES_MAX).collect();
    let body = timeout(ANSWER_WAIT, body).await.context("the answer stops short")?;
    let body = body.map_err(|error| anyhow::anyhow!("the answer breaks off: {error}"))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

fn percent_decoded(text: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(rest.next()), digit(rest.next()));
        let value = high.zip(low).with_context(|| format!("{text} has a % without two digits"))?;
        bytes.push(u8::try_from(value.0 * 16 + value.1)?);
    }
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_who_comes_and_to_which_database() -> anyhow::Result<()> {
        let server = ClickHouse::of("http://us%40er:p%20w@127.0.0.1:8123/fa%63ts")?;
        let said =
            |value: &Option<HeaderValue>| value.as_ref().and_then(|value| value.to_str().ok().map(str::to_owned));
        assert_eq!(server.database, "facts");
        assert_eq!(ClickHouse::of("http://127.0.0.1:8123")?.database, "refmill");
        assert_eq!((said(&server.user), said(&server.password)), (Some("us@er".to_owned()), Some("p w".to_owned())));
        for wrong in ["", "127.0.0.1:8123", "https://127.0.0.1/facts", "http://h/%zz"] {
            assert!(ClickHouse::of(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
