//! Questions to the servers themselves, past everything of ours.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::http::{Http, Request};

const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// A row as text; NULL is empty.
pub(crate) type Row = Vec<String>;

/// The rows of the last statement.
pub(crate) async fn sql(url: &str, text: &str) -> Result<Vec<Row>, String> {
    let said = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(told) => format!("{}: {}", told.code().code(), told.message()),
        None => error.to_string(),
    };
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(said)?;
    let connection = tokio::task::spawn_local(connection);
    let told = tokio::time::timeout(ANSWERS_WITHIN, client.simple_query(text)).await;
    drop(client);
    connection.abort();
    let told = told.map_err(|_| "Postgres does not answer".to_owned())?.map_err(said)?;
    let mut rows = Vec::new();
    for message in told {
        match message {
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect());
            }
            SimpleQueryMessage::RowDescription(_) => rows.clear(),
            _ => {}
        }
    }
    Ok(rows)
}

/// The same of ClickHouse, which is asked in one of its databases.
pub(crate) async fn clickhouse(url: &str, database: &str, text: &str) -> Result<Vec<Row>, String> {
    let (scheme, rest) = url.split_once("://").ok_or("a URL")?;
    let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let host = host.split('/').next().unwrap_or(host);
    let path = format!("/?database={database}&default_format=TabSeparated&async_insert=0&mutations_sync=2");
    let mut request = Request::post(path).raw(text);
    if let Some((name, password)) = user.split_once(':') {
        request = request.header("x-clickhouse-user", name).header("x-clickhouse-key", password);
    }
    let reply = Http::new().send_to(&format!("{scheme}://{host}"), &request, ANSWERS_WITHIN).await?;
    if reply.status != 200 {
        return Err(format!("{text}: {}", reply.text));
    }
    let plain = |field: &str| if field == "\\N" { String::new() } else { field.to_owned() };
    Ok(reply.text.lines().map(|line| line.split('\t').map(plain).collect()).collect())
}

/// One command to Redis; its answer as it comes, lines of a bulk one and all.
pub(crate) fn redis(url: &str, command: &[&str]) -> Result<String, String> {
    let rest = url.strip_prefix("redis://").ok_or("a URL of Redis")?;
    let (host, database) = rest.split_once('/').unwrap_or((rest, "0"));
    let mut stream = TcpStream::connect(host).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN)).map_err(|error| error.to_string())?;
    let mut ask = resp(&["SELECT", if database.is_empty() { "0" } else { database }]);
    ask.extend(resp(command));
    stream.write_all(&ask).map_err(|error| error.to_string())?;
    let mut answers = BufReader::new(stream);
    let selected = line(&mut answers)?;
    if selected != "+OK" {
        return Err(selected);
    }
    let first = line(&mut answers)?;
    match first.strip_prefix('$').and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => {
            let mut bytes = vec![0; length];
            answers.read_exact(&mut bytes).map_err(|error| error.to_string())?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        None if first.starts_with('-') => Err(first),
        None => Ok(first),
    }
}

fn resp(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

fn line(from: &mut BufReader<TcpStream>) -> Result<String, String> {
    let mut line = String::new();
    from.read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line.trim_end().to_owned())
}
