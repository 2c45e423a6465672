//! A small HTTP/1.1 client that says what it is told, well-formed or not, from an address of its own.

mod connection;
mod reply;

pub(crate) use connection::Connection;
pub(crate) use reply::Reply;

use serde_json::Value;

pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// What is sent. Its bytes are made once it is known to whom.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    pub(crate) source: Option<std::net::Ipv4Addr>,
}

impl Request {
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Request {
        let headers = vec![("User-Agent".to_owned(), BROWSER.to_owned())];
        Request { method: method.to_owned(), path: path.into(), headers, body: None, source: None }
    }

    pub(crate) fn get(path: impl Into<String>) -> Request {
        Request::new("GET", path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Request {
        Request::new("POST", path)
    }

    pub(crate) fn json(self, body: &Value) -> Request {
        self.raw("application/json", body.to_string())
    }

    pub(crate) fn raw(self, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        let mut request = self.header("Content-Type", content_type);
        request.body = Some(body.into());
        request
    }

    pub(crate) fn key(self, secret: &str) -> Request {
        self.header("x-api-key", secret)
    }

    pub(crate) fn token(self, jwt: &str) -> Request {
        self.header("Authorization", &format!("Bearer {jwt}"))
    }

    /// Takes the place of what was said before under this name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn from(mut self, source: std::net::Ipv4Addr) -> Request {
        self.source = Some(source);
        self
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

/// An address in 127.0.0.0/8 that nobody in this process had before, so that no limit and no signal is met by accident.
pub(crate) fn fresh_address() -> std::net::Ipv4Addr {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    std::net::Ipv4Addr::from(0x7f01_0000 + n % 0x00f0_0000)
}
