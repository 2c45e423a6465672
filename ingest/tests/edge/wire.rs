//! What a hostile or broken client sends: one refusal or none, and the connection is closed.

use std::net::SocketAddr;
use std::time::Duration;

use ingest::connection::Limits;

use super::server::{Client, LIMITS, PATIENCE, Server, plain};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Long enough to tell "left open" on the machine that runs the controls.
const LEFT_OPEN: Duration = Duration::from_millis(700);

enum Want {
    /// 400 or nothing.
    Refused,
    /// 431 or 400 or nothing.
    TooLarge,
    /// One answer, to what the chunks said.
    Chunked(&'static str),
}

struct Row {
    name: &'static str,
    sent: String,
    want: Want,
    /// Plain hyper gets it wrong.
    caught: bool,
}

fn row(name: &'static str, head: &str, want: Want, caught: bool) -> Row {
    Row { name, sent: format!("{head}{SMUGGLED}"), want, caught }
}

fn rows() -> Vec<Row> {
    use Want::{Chunked, Refused, TooLarge};
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: y\r\n".repeat(101));
    vec![
        row("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Refused, true),
        row("the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Refused, true),
        row("no Host", "GET / HTTP/1.1\r\n\r\n", Refused, true),
        row("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Refused, true),
        row("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Refused, true),
        row(
            "a length and chunks",
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Chunked("/a 0"),
            false,
        ),
        row(
            "chunks and a length",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            Chunked("/a 3"),
            false,
        ),
        row(
            "chunks encoded twice",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            Refused,
            true,
        ),
        row(
            "chunks twice",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Refused,
            true,
        ),
        row(
            "chunks inside something",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
            Refused,
            false,
        ),
        row("chunks in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused, false),
        row(
            "a chunk that is no number",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
            Refused,
            false,
        ),
        row(
            "two lengths that differ",
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            Refused,
            false,
        ),
        row("two lengths in one", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 3\r\n\r\n{}", Refused, false),
        row("a length below nought", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", Refused, false),
        row("a length with a sign", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}", Refused, false),
        row("a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", Refused, false),
        row("a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", Refused, false),
        row("a header without a colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", Refused, false),
        row("a bare CR", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", Refused, false),
        row("a NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", Refused, false),
        row("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03\0\0\0\0\r\n\r\n", Refused, false),
        row("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused, false),
        row("HTTP/3.7", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", Refused, false),
        row("headers of 200 kB", &long, TooLarge, true),
        row("101 headers", &many, TooLarge, false),
    ]
}

async fn check(address: SocketAddr, row: &Row, patience: Duration) -> Result<(), String> {
    let mut client = Client::connect(address).await;
    client.send(&row.sent).await;
    let heard = client.hear_out(patience).await;
    let status = heard.text.get(9..12).unwrap_or_default();
    let ok = heard.closed
        && heard.responses() <= 1
        && !heard.text.contains("/smuggled")
        && match row.want {
            Want::Refused => matches!(status, "" | "400"),
            Want::TooLarge => matches!(status, "" | "400" | "431"),
            Want::Chunked(answer) => status == "200" && heard.text.ends_with(answer),
        };
    if ok { Ok(()) } else { Err(format!("{}: closed {}, heard {:.200}", row.name, heard.closed, heard.text)) }
}

#[tokio::test]
async fn malformed_requests_are_refused_once() {
    // A deadline must not be what closes these.
    let server = Server::start(Limits { head_wait: PATIENCE * 2, idle_wait: PATIENCE * 2, ..LIMITS }).await;
    for row in rows() {
        assert_eq!(check(server.address, &row, PATIENCE).await, Ok(()));
    }
    let mut client = Client::connect(server.address).await;
    client.send("GET /well HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.hear("/well 0").await;
}

#[tokio::test]
async fn plain_hyper_is_caught() {
    let address = plain().await;
    for row in rows().iter().filter(|row| row.caught) {
        assert!(check(address, row, LEFT_OPEN).await.is_err(), "the control passed {:?}", row.name);
    }
}

#[tokio::test]
async fn sound_requests_are_answered() {
    let server = Server::start(LIMITS).await;
    for (name, sent, answer) in [
        ("HTTP/1.0 without Host", "GET /a HTTP/1.0\r\n\r\n", "/a 0"),
        ("an empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", "/a 0"),
        ("empty lines before", "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", "/a 0"),
        (
            "the same length twice",
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
            "/a 2",
        ),
        (
            "chunks",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n1;x=y\r\nz\r\n0\r\n\r\n",
            "/a 3",
        ),
        (
            "expecting to go on",
            "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
            "/a 2",
        ),
        (
            "a body of the limit",
            &format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1_000)),
            "/a 1000",
        ),
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(sent).await;
        let heard = client.hear(answer).await;
        assert!(heard.contains(" 200 OK"), "{name}: {heard}");
    }
    let mut client = Client::connect(server.address).await;
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.half_close().await;
    assert!(client.hear_out(PATIENCE).await.text.ends_with("/a 0"), "a half-closed client gets its answer");
}

#[tokio::test]
async fn what_is_too_large_is_said_and_closed() {
    let server = Server::start(LIMITS).await;
    let body = "x".repeat(300_000);
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (name, sent) in [
        ("announced", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n".to_owned()),
        (
            "announced and expecting",
            "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n".to_owned(),
        ),
        ("sent", format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())),
        ("in chunks", format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")),
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(&sent).await;
        let heard = client.hear_out(PATIENCE).await;
        assert!(heard.closed && heard.responses() == 1, "{name}: {}", heard.text);
        assert!(
            heard.text.starts_with("HTTP/1.1 413 ") && heard.text.contains("connection: close\r\n"),
            "{name}: {}",
            heard.text
        );
    }
}
