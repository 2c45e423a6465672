//! Requests over connections of their own, each with an end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    key: Option<String>,
    body: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) text: String,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>) -> Request {
        Request { method: "GET", path: path.into(), key: None, body: String::new() }
    }

    pub(crate) fn post(path: impl Into<String>, body: &Value) -> Request {
        Request { method: "POST", path: path.into(), key: None, body: body.to_string() }
    }

    pub(crate) fn key(self, secret: &str) -> Request {
        Request { key: Some(secret.to_owned()), ..self }
    }

    /// The answer, or why there is none.
    pub(crate) fn send(&self, to: SocketAddr) -> Result<Reply, String> {
        let exchanged = TcpStream::connect(to).and_then(|mut stream| {
            stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
            stream.write_all(self.bytes(to).as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        });
        let answer = exchanged.map_err(|error| format!("{} {}: {error}", self.method, self.path))?;
        Reply::read(&answer).ok_or_else(|| format!("{} {}: no answer but {answer:?}", self.method, self.path))
    }

    fn bytes(&self, host: SocketAddr) -> String {
        let Request { method, path, key, body } = self;
        let key = key.as_ref().map(|key| format!("x-api-key: {key}\r\n")).unwrap_or_default();
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {BROWSER}\r\nConnection: close\r\n{key}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }
}

impl Reply {
    fn read(answer: &str) -> Option<Reply> {
        let (head, text) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Reply { status, head: head.to_lowercase(), text: text.to_owned() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The data of an answer that has to be a good one.
    #[track_caller]
    pub(crate) fn good(&self) -> Value {
        assert!((200..300).contains(&self.status) && self.json()["success"] == true, "{self:?}");
        self.json()["data"].take()
    }

    /// Told to come back, and when.
    pub(crate) fn is_put_off(&self) -> bool {
        let after = self.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
        self.status == 503 && after.is_some_and(|seconds| seconds > 0)
    }
}
