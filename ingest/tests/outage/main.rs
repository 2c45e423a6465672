//! What an edge answers while the catalog is away: what it knows goes on, and what it does not know may be there all the same.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod stage;

#[path = "../../../stores/tests/contract_catalog/own_server.rs"]
mod own_server;

use std::time::Duration;

use ingest::follower::NOT_CURRENT_AFTER;
use tokio::time::Instant;

use self::stage::Stage;

/// How long a change of state may take to be seen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request, and how it is answered by an edge that is current and by one that is not.
struct Row {
    name: &'static str,
    head: String,
    body: &'static str,
    current: &'static str,
    not_current: &'static str,
}

fn rows(key: &str, revoked: &str, publishable: &str) -> Vec<Row> {
    const KNOWN: &str = r#"{"code":"Jane","landingPage":"https://acme.example/"}"#;
    const UNKNOWN: &str = r#"{"code":"nobody","landingPage":"https://acme.example/"}"#;
    const SALE: &str = r#"{"orderId":"1","orderValue":100,"affiliateCode":"Jane"}"#;
    const SALE_UNKNOWN: &str = r#"{"orderId":"2","orderValue":100,"affiliateCode":"nobody"}"#;
    const SALE_OF_ANOTHER: &str = r#"{"orderId":"3","orderValue":100,"affiliateCode":"Other"}"#;
    let row =
        |name, head: &str, body, current, not_current| Row { name, head: head.to_owned(), body, current, not_current };
    let click = "POST /track/click";
    let sale = |key: &str| format!("POST /track/conversion HTTP/1.1\r\nX-API-Key: {key}");
    vec![
        row("a click of a known code", click, KNOWN, "200", "200"),
        row("a click of an unknown code", click, UNKNOWN, "404", "503"),
        row("a redirect of a known code", "GET /r/jane", "", "302", "302"),
        row("a redirect of an unknown code", "GET /r/nobody", "", "404", "503"),
        row("a sale", &sale(key), SALE, "202", "202"),
        row("a sale of an unknown code", &sale(key), SALE_UNKNOWN, "404", "503"),
        row("a sale of another's code", &sale(key), SALE_OF_ANOTHER, "404", "404"),
        row("a sale by an unknown key", &sale("sk_live_nobody"), SALE, "401", "503"),
        row("a sale by a revoked key", &sale(revoked), SALE, "401", "401"),
        row("a sale by a key of another kind", &sale(publishable), SALE, "401", "401"),
        row("a sale by nobody", "POST /track/conversion", SALE, "401", "401"),
        row("a postback by an unknown key", "GET /postback?key=pb_live_nobody", "", "401", "503"),
        row("a postback by nobody", "GET /postback", "", "401", "401"),
    ]
}

async fn check(stage: &Stage, current: bool) {
    for row in rows(&stage.key, &stage.revoked, &stage.publishable) {
        let answer = stage.ask(&row.head, row.body).await;
        let wanted = if current { row.current } else { row.not_current };
        assert_eq!(answer.get(9..12), Some(wanted), "{}, current {current}: {answer}", row.name);
        let asks_back = answer.to_ascii_lowercase().contains("retry-after: 1\r\n");
        assert_eq!(asks_back, wanted == "503", "{}: {answer}", row.name);
    }
    let unknown = if current { ["404", "401"] } else { ["503", "503"] };
    let batch = r#"[{"type":"click","code":"nobody","landingPage":"https://acme.example/"},{"type":"conversion"}]"#;
    let answer = stage.ask("POST /track/batch HTTP/1.1\r\nX-API-Key: sk_live_nobody", batch).await;
    for status in unknown {
        assert!(answer.contains(&format!("\"status\":{status}")), "{answer}");
    }
}

/// Waits until the unknown code is answered with this status.
async fn until(stage: &Stage, status: &str) {
    let since = Instant::now();
    while stage.ask("GET /r/nobody", "").await.get(9..12) != Some(status) {
        assert!(since.elapsed() < PATIENCE, "never {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn known_ones_go_on_and_unknown_ones_are_asked_back() {
    let stage = Stage::start().await;
    check(&stage, true).await;
    for down in ["stop", "kill"] {
        stage.server.run(down);
        let since = Instant::now();
        until(&stage, "503").await;
        assert!(since.elapsed() < NOT_CURRENT_AFTER + PATIENCE / 4, "{down}: {:?}", since.elapsed());
        check(&stage, false).await;
        stage.server.run("start");
        until(&stage, "404").await;
        check(&stage, true).await;
        stage.make_link(down).await;
        assert!(stage.knows(down).await, "{down}: it follows again");
    }
    stage.end().await;
}
