//! So many connections and no more, and an orderly end.

use std::time::Duration;

use ingest::connection::{Drained, Limits};
use tokio::net::TcpStream;

use super::server::{Client, LIMITS, PATIENCE, Server};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const WAIT: &str = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_connection_too_many_is_told_to_come_back() {
    let server = Server::start(Limits { connections: 2, idle_wait: PATIENCE, ..LIMITS }).await;
    let mut inside = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(server.address).await;
        client.send(GET).await;
        client.hear("/a 0").await;
        inside.push(client);
    }
    for sent in [GET, ""] {
        let mut client = Client::connect(server.address).await;
        client.send(sent).await;
        let heard = client.hear_out(PATIENCE).await;
        assert!(heard.closed && heard.responses() == 1, "{}", heard.text);
        assert!(heard.text.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{}", heard.text);
        assert!(heard.text.contains("retry-after: 1\r\n") && heard.text.ends_with("}"), "{}", heard.text);
    }
    inside[0].send(GET).await;
    inside[0].hear("/a 0").await;
    drop(inside.pop());
    for tries in 0.. {
        let mut client = Client::connect(server.address).await;
        client.send(GET).await;
        if client.hear("\r\n\r\n").await.contains(" 200 ") {
            break;
        }
        assert!(tries < 1_000, "the place that came free was never given");
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_the_rest_closed() {
    let mut server = Server::start(Limits { idle_wait: PATIENCE, ..LIMITS }).await;
    let address = server.address;
    let mut idle = Client::connect(address).await;
    idle.send(GET).await;
    idle.hear("/a 0").await;
    let mut silent = Client::connect(address).await;
    let mut busy = Client::connect(address).await;
    busy.send(WAIT).await;
    server.gate.somebody_waits().await;
    server.stop();
    for client in [&mut idle, &mut silent] {
        let heard = client.hear_out(PATIENCE).await;
        assert!(heard.closed && heard.text.is_empty() && heard.after < PATIENCE / 2, "{}", heard.text);
    }
    assert!(TcpStream::connect(address).await.is_err(), "it still listens");
    assert!(!busy.hear_out(Duration::from_millis(100)).await.closed, "it was cut off");
    server.gate.open();
    let heard = busy.hear_out(PATIENCE).await;
    assert!(
        heard.closed && heard.text.ends_with("/wait 0") && heard.text.contains("connection: close"),
        "{}",
        heard.text
    );
    drop((idle, silent, busy));
    assert_eq!(server.ended().await, Drained { finished: 3, aborted: 0 });
}

#[tokio::test]
async fn what_does_not_finish_is_aborted() {
    let mut server = Server::start(Limits { drain_wait: Duration::from_millis(200), ..LIMITS }).await;
    let mut busy = Client::connect(server.address).await;
    busy.send(WAIT).await;
    server.gate.somebody_waits().await;
    server.stop();
    let heard = busy.hear_out(PATIENCE).await;
    assert!(heard.closed && heard.text.is_empty(), "{}", heard.text);
    assert_eq!(server.ended().await, Drained { finished: 0, aborted: 1 });
}
