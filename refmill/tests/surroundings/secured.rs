//! All four servers behind TLS and passwords: the right ones get everything done, and of the wrong ones it is said which.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::refusals::{Row, check};
use crate::role::Launch;
use crate::servers::{KINDS, Own, Place, said};
use crate::shop::Shop;

#[test]
fn everything_over_tls_and_with_passwords() {
    let own = Own::start(&["--secured"], &KINDS);
    let place = Place::on(&own);
    let up = Launch::new("up", &place).start();
    let shop = Shop::open(&up);
    shop.await_known(&up);
    shop.click_and_sale(&up);
    let sale = shop.sale(&up).good();
    assert_eq!(shop.decided(&up, &sale)["commissionAmount"], 1000);
    shop.dashboard_says(&up, 2, 2);
    let said = up.said();
    assert!(place.urls.values().all(|url| !said.contains(url.as_str())), "{said}");
    up.stop();

    let folder = TempDir::new().expect("a folder");
    let stranger = stranger(folder.path());
    let trusted = own.folder().join("tls/authority.pem").display().to_string();
    let row = |kind: &str, from: &str, to: &str, says| {
        let url = &place.args()[&format!("--{kind}")];
        assert!(url.contains(from), "{from} is not in {url}");
        Row { launch: Launch::new("process", &place).set(&format!("--{kind}"), url.replacen(from, to, 1)), says }
    };
    let (right, wrong) = (":refmill@", ":hunter2@");
    check(vec![
        row("kafka", right, wrong, &["Kafka at", "refuses this user", "right user and password into --kafka"]),
        row("postgres", right, wrong, &["Postgres at", "refuses this user", "right user and password into --postgres"]),
        row("redis", right, wrong, &["Redis at", "refuses this user", "right user and password into --redis"]),
        row(
            "clickhouse",
            right,
            wrong,
            &["ClickHouse at", "refuses this user", "right user and password into --clickhouse"],
        ),
        row("kafka", &trusted, &stranger, &["Kafka at", "certificate that is not trusted", "as ca=FILE in --kafka"]),
        row(
            "postgres",
            &trusted,
            &stranger,
            &["Postgres at", "certificate that is not trusted", "as sslrootcert=FILE in --postgres"],
        ),
        row("redis", &trusted, &stranger, &["Redis at", "certificate that is not trusted", "as ca=FILE in --redis"]),
        row(
            "clickhouse",
            &trusted,
            &stranger,
            &["ClickHouse at", "certificate that is not trusted", "as ca=FILE in --clickhouse"],
        ),
        row("kafka", "tls=true&", "tls=false&", &["--kafka is not understood", "ca goes with tls=true"]),
        row("postgres", "sslmode=require", "sslmode=disable", &["Postgres at", "no encryption", "--postgres"]),
        row(
            "redis",
            "rediss://",
            "redis://",
            &["--redis is not understood", "requires a URL with the `rediss://` scheme"],
        ),
        row("clickhouse", "https://", "http://", &["ClickHouse at", "cannot be reached", "--clickhouse"]),
    ]);
}

/// The certificate of an authority that signed nothing here.
fn stranger(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=somebody else", "-keyout", &file("key.pem"), "-out", &file("stranger.pem")]);
    said(&mut command, "");
    file("stranger.pem")
}
