//! What cannot be opened says what to do, and never a password.

use url::Url;

use crate::{database::Database, own_server::OwnServer, place::connect};

async fn refusal(url: &str) -> String {
    match connect(url).await {
        Ok(_) => panic!("{url} was taken"),
        Err(error) => error.to_string(),
    }
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn nobody_there() {
    let address = "127.0.0.1:1";
    let text = refusal(&format!("postgres://refmill:hunter2@{address}/refmill")).await;
    says(&text, &[address, "cannot be reached", "refused", "See that it runs", "--postgres"]);
}

#[tokio::test]
async fn no_url() {
    says(&refusal("127.0.0.1:5432").await, &["--postgres is not understood"]);
}

#[tokio::test]
async fn no_such_database() {
    let database = Database::make().await;
    let mut url = Url::parse(&database.url).unwrap();
    url.set_path("nowhere");
    says(&refusal(url.as_str()).await, &["\"nowhere\" does not exist", "CREATE DATABASE"]);
}

#[tokio::test]
async fn wrong_user_or_no_right() {
    let server = OwnServer::start();
    let database = Database::make_on(&server.url).await;
    let beside = database.client().await;
    let hba: String = beside.query_one("SHOW hba_file", &[]).await.unwrap().get(0);
    let rules = "(VALUES ('host all guest 127.0.0.1/32 scram-sha-256'), ('host all refmill 127.0.0.1/32 trust'))";
    let set_up = format!(
        "CREATE ROLE guest LOGIN PASSWORD 'right'; COPY (SELECT * FROM {rules} AS rules) TO '{hba}'; SELECT pg_reload_conf()"
    );
    beside.batch_execute(&set_up).await.unwrap();
    let mut url = Url::parse(&database.url).unwrap();
    url.set_username("guest").unwrap();
    url.set_password(Some("hunter2")).unwrap();
    says(&refusal(url.as_str()).await, &["password authentication failed", "right user and password", "--postgres"]);
    url.set_password(Some("right")).unwrap();
    says(&refusal(url.as_str()).await, &["schema catalog is missing", "GRANT CREATE ON DATABASE"]);
    beside.batch_execute("CREATE SCHEMA catalog AUTHORIZATION guest").await.unwrap();
    connect(url.as_str()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_newer_schema() {
    let database = Database::make().await;
    connect(&database.url).await.unwrap().close().await;
    let beside = database.client().await;
    let newer = "INSERT INTO catalog.refinery_schema_history VALUES (1000, 'later', '2026-11-20T12:00:00Z', '1')";
    beside.batch_execute(newer).await.unwrap();
    says(&refusal(&database.url).await, &["newer version of Refmill", "Start that version", "--postgres"]);
}
