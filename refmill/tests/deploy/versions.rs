//! The compose file's Postgres and Redis are of the same major version as those that the tests run against.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tokio_postgres::NoTls;

use crate::source::{compose, root};

fn given(variable: &str) -> String {
    let start = "start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test";
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: {start}"))
}

async fn of_postgres() -> String {
    let (client, connection) = tokio_postgres::connect(&given("REFMILL_TEST_POSTGRES"), NoTls).await.expect("Postgres");
    let connection = tokio::spawn(connection);
    let version = client.query_one("SHOW server_version", &[]).await.expect("an answer").get(0);
    connection.abort();
    version
}

fn of_redis() -> String {
    let url = given("REFMILL_TEST_REDIS");
    let host = url.trim_start_matches("redis://").split('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(host).expect("Redis");
    stream.write_all(b"INFO server\r\nQUIT\r\n").expect("it listens");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("an answer");
    said.lines().find_map(|line| line.strip_prefix("redis_version:")).expect("a version").to_owned()
}

fn major(version: &str) -> u32 {
    let digits = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("{version} is no version"))
}

/// Of an image such as `postgres:15.18-bookworm`.
fn deployed(name: &str) -> String {
    let file = compose(&root().join("docker-compose.yml")).expect("the specification takes it");
    let image = file["services"][name]["image"].as_str().expect("an image").to_owned();
    let tag = image.strip_prefix(&format!("{name}:"));
    tag.unwrap_or_else(|| panic!("{image} is no {name}")).to_owned()
}

#[tokio::test]
async fn postgres_and_redis_are_as_new_as_those_of_the_tests() {
    for (name, tested) in [("postgres", of_postgres().await), ("redis", of_redis())] {
        let deployed = deployed(name);
        assert_eq!(major(&deployed), major(&tested), "{name} {deployed} is deployed and {tested} tested");
    }
    assert_ne!(major("16.1-bookworm"), major("15.18 (Debian 15.18-0+deb12u1)"), "another one is caught");
}
