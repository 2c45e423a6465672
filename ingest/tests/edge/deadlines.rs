//! Nothing hangs: every wait for a client has its end.

use std::time::Duration;

use ingest::connection::Limits;
use tokio::time::Instant;

use super::server::{Client, LIMITS, PATIENCE, Server, plain};

/// A test machine may be late but no deadline may be early.
const EARLY: Duration = Duration::from_millis(50);
const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn half_a_head_is_let_go() {
    let server = Server::start(LIMITS).await;
    for (name, first, drip, told) in [
        ("half a head", "POST /a HTTP/1.1\r\nHost: a\r\n", "", true),
        ("one byte", "P", "", true),
        ("a byte at a time", "GET /a HTTP/1.1\r\nX: ", "x", true),
        ("after an answer", "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HT", "", false),
        ("after a body", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /b HT", "", false),
        (
            "after chunks",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HT",
            "",
            false,
        ),
        (
            "after chunks, nothing",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "",
            false,
        ),
    ] {
        let mut client = Client::connect(server.address).await;
        let started = Instant::now();
        client.send(first).await;
        let mut heard = client.hear_out(LIMITS.head_wait / 10).await;
        let mut text = heard.text.clone();
        while !heard.closed && started.elapsed() < PATIENCE {
            client.send(drip).await;
            heard = client.hear_out(LIMITS.head_wait / 10).await;
            text += &heard.text;
        }
        let after = started.elapsed();
        assert!(heard.closed && text.contains("HTTP/1.1 408 ") == told, "{name}: {after:?} {text}");
        assert!(after >= LIMITS.head_wait - EARLY && after < LIMITS.idle_wait, "{name}: {after:?}");
    }
}

#[tokio::test]
async fn plain_hyper_waits_for_ever() {
    let address = plain().await;
    let closes = async |sent: &str| {
        let mut client = Client::connect(address).await;
        client.send(sent).await;
        client.hear_out(LIMITS.idle_wait + LIMITS.head_wait).await.closed
    };
    let closed = tokio::join!(closes("POST /a HTTP/1.1\r\nHost: a\r\n"), closes(""), closes(GET));
    assert_eq!(closed, (false, false, false), "the control closed");
}

#[tokio::test]
async fn idle_time_is_not_head_time() {
    /// A pause in a head is far shorter than a head may take, on a late machine too.
    const SLOW: Limits = Limits { head_wait: Duration::from_secs(1), idle_wait: Duration::from_secs(4), ..LIMITS };
    const PAUSE: Duration = Duration::from_millis(100);
    let server = Server::start(SLOW).await;
    let idle = async |first: &str| {
        let mut client = Client::connect(server.address).await;
        client.send(first).await;
        let heard = client.hear_out(PATIENCE).await;
        assert!(heard.closed && heard.after >= SLOW.idle_wait - EARLY, "{first:?}: {:?}", heard.after);
        assert!(!heard.text.contains(" 408 "), "{first:?}: {}", heard.text);
    };
    // silent from the start, after a request, and only sending empty lines
    tokio::join!(idle(""), idle(GET), idle("\r\n"));
    // a pause longer than a head may take, then another request, in two parts
    let mut client = Client::connect(server.address).await;
    for _ in 0..3 {
        client.send(&GET[..9]).await;
        assert!(!client.hear_out(PAUSE).await.closed);
        client.send(&GET[9..]).await;
        client.hear("/a 0").await;
        assert!(!client.hear_out(SLOW.head_wait * 2).await.closed);
    }
}

#[tokio::test]
async fn half_a_body_is_let_go() {
    let server = Server::start(LIMITS).await;
    for head in ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"] {
        let mut client = Client::connect(server.address).await;
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{head}")).await;
        let heard = client.hear_out(PATIENCE).await;
        assert!(heard.closed && heard.responses() == 1, "{}", heard.text);
        assert!(heard.text.starts_with("HTTP/1.1 408 ") && heard.text.contains("connection: close"), "{}", heard.text);
    }
}

#[tokio::test]
async fn a_route_that_does_not_read_or_end_is_let_go() {
    let server = Server::start(Limits { request_wait: LIMITS.head_wait, ..LIMITS }).await;
    let mut client = Client::connect(server.address).await;
    client.send("POST /deaf HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{").await;
    let heard = client.hear_out(PATIENCE).await;
    assert!(
        heard.closed && heard.text.ends_with("not listening") && heard.text.contains("connection: close"),
        "{}",
        heard.text
    );

    let mut client = Client::connect(server.address).await;
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let heard = client.hear_out(PATIENCE).await;
    assert!(heard.closed && heard.text.is_empty(), "{}", heard.text);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let mut server = Server::start(Limits { drain_wait: PATIENCE, ..LIMITS }).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.hear("HTTP/1.1 200 OK").await;
    server.stop();
    let ended = server.ended().await;
    assert_eq!(ended.aborted, 0, "the write limit ended it before the drain's did");
    assert!(client.hear_out(PATIENCE).await.text.len() < 64 << 20, "all of it was sent");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(LIMITS).await;
    let mut client = Client::connect(server.address).await;
    let post = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    client.send(format!("{GET}{post}{GET}")).await;
    let heard = client.hear_out(LIMITS.idle_wait * 3).await;
    assert_eq!(heard.text.matches("HTTP/1.1 200 OK").count(), 3, "{}", heard.text);
    let answers: Vec<_> = heard.text.split("\r\n\r\n").skip(1).map(|part| &part[..4]).collect();
    assert_eq!(answers, ["/a 0", "/b 3", "/a 0"]);
}

#[tokio::test]
async fn a_panic_ends_its_connection_alone() {
    let server = Server::start(LIMITS).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.hear_out(PATIENCE).await.closed);
    let mut client = Client::connect(server.address).await;
    client.send(GET).await;
    client.hear("/a 0").await;
}
