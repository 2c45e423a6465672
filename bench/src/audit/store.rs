//! Asking a store from outside: the same question whichever server has the tables, and its rows as texts.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Context as _, bail};
use rusqlite::{OpenFlags, types::ValueRef};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::clickhouse::ClickHouse;

/// How long a reader waits for whoever writes the file.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Rows of Postgres that are in memory at once.
const ROWS_AT_ONCE: u32 = 20_000;

pub(super) enum Store {
    Postgres(Client),
    /// A file that its owner may be writing: it is only read.
    Sqlite(PathBuf),
    ClickHouse(ClickHouse),
}

/// What is done with each row.
pub(super) type EachRow<'a> = &'a mut dyn FnMut(&Row<'_>) -> anyhow::Result<()>;

/// A row's columns; an empty text where there is nothing.
pub(super) struct Row<'a>(pub(super) &'a [&'a str]);

impl Store {
    pub(super) async fn postgres(url: &str) -> anyhow::Result<Store> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("Postgres was not reached")?;
        // It ends with the client; what went wrong is told to whoever asks next.
        tokio::spawn(async move { drop(connection.await) });
        client.batch_execute("SET default_transaction_read_only = on").await?;
        Ok(Store::Postgres(client))
    }

    /// Asks, and gives every row to `each` without holding them all. In a question `@t` is the ledger's table `t`, `#c` the bytes of
    /// column `c` in hexadecimal digits.
    pub(super) async fn each(&self, question: &str, each: EachRow<'_>) -> anyhow::Result<()> {
        let question = self.spelled(question);
        let asked = match self {
            Store::Postgres(client) => each_of_postgres(client, &question, each).await,
            Store::Sqlite(file) => each_of_sqlite(file, &question, each),
            Store::ClickHouse(server) => server.each(&question, each).await,
        };
        asked.with_context(|| format!("asking {question}"))
    }

    /// The only row's columns.
    pub(super) async fn numbers<const N: usize>(&self, question: &str) -> anyhow::Result<[i128; N]> {
        let mut numbers = None;
        self.each(question, &mut |row| {
            let mut read = [0; N];
            for (at, number) in read.iter_mut().enumerate() {
                *number = row.number(at)?;
            }
            numbers = Some(read);
            Ok(())
        })
        .await?;
        numbers.with_context(|| format!("no answer to {question}"))
    }

    /// The last eight bytes of a receipt, in hexadecimal digits.
    pub(super) fn signature(&self) -> &'static str {
        match self {
            Store::ClickHouse(_) => "hex(substring(receipt, 41, 8))",
            _ => "hex(substr(receipt, 41, 8))",
        }
    }

    /// Whether a receipt's signature is from `first` to `last`.
    pub(super) fn signature_between(&self, first: u64, last: u64) -> String {
        match self {
            Store::ClickHouse(_) => {
                format!("substring(receipt, 41, 8) BETWEEN unhex('{first:016x}') AND unhex('{last:016x}')")
            }
            _ => format!("substr(receipt, 41, 8) BETWEEN x'{first:016x}' AND x'{last:016x}'"),
        }
    }

    /// A column of one of the facts' tables, as the number that SQLite has there.
    pub(super) fn code<'a>(&self, column: &'a str) -> std::borrow::Cow<'a, str> {
        match (self, column) {
            (Store::ClickHouse(_), "at") => "toUnixTimestamp64Milli(at)".into(),
            (Store::ClickHouse(_), "kind" | "outcome") => format!("toInt8({column})").into(),
            _ => column.into(),
        }
    }

    /// What a table's rows are when those that a merge would drop are left out.
    pub(super) fn last(&self) -> &'static str {
        if matches!(self, Store::ClickHouse(_)) { " FINAL" } else { "" }
    }

    fn spelled(&self, question: &str) -> String {
        let (schema, (before, after)) = match self {
            Store::Postgres(_) => ("ledger.", ("replace(", "::text, '-', '')")),
            _ => ("", ("hex(", ")")),
        };
        spelled(question, schema, before, after)
    }
}

fn spelled(question: &str, schema: &str, before: &str, after: &str) -> String {
    let mut parts = question.split('#');
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(part.len());
        said.extend([before, &part[..end], after, &part[end..]]);
    }
    said.replace('@', schema)
}

/// By a cursor, so that a long answer is never whole in memory.
async fn each_of_postgres(client: &Client, question: &str, each: EachRow<'_>) -> anyhow::Result<()> {
    client.batch_execute(&format!("BEGIN READ ONLY; DECLARE asked NO SCROLL CURSOR FOR {question}")).await?;
    let fetch = format!("FETCH {ROWS_AT_ONCE} FROM asked");
    let read = async {
        loop {
            let mut rows = 0;
            for message in client.simple_query(&fetch).await? {
                if let SimpleQueryMessage::Row(row) = message {
                    let columns: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or_default()).collect();
                    each(&Row(&columns))?;
                    rows += 1;
                }
            }
            if rows < ROWS_AT_ONCE {
                return anyhow::Ok(());
            }
        }
    };
    let read = read.await;
    client.batch_execute("ROLLBACK").await?;
    read
}

fn each_of_sqlite(file: &std::path::Path, question: &str, each: EachRow<'_>) -> anyhow::Result<()> {
    let database = rusqlite::Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("{} was not opened", file.display()))?;
    database.busy_timeout(BUSY_WAIT)?;
    let mut statement = database.prepare(question)?;
    let mut texts = vec![String::new(); statement.column_count()];
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (at, text) in texts.iter_mut().enumerate() {
            text.clear();
            match row.get_ref(at)? {
                ValueRef::Null => {}
                ValueRef::Integer(number) => text.push_str(&number.to_string()),
                ValueRef::Text(bytes) => text.push_str(std::str::from_utf8(bytes)?),
                ValueRef::Real(_) | ValueRef::Blob(_) => bail!("column {at} is neither a number nor a text"),
            }
        }
        let columns: Vec<&str> = texts.iter().map(String::as_str).collect();
        each(&Row(&columns))?;
    }
    Ok(())
}

impl Row<'_> {
    pub(super) fn text(&self, at: usize) -> anyhow::Result<&str> {
        self.0.get(at).copied().context("a row has too few columns")
    }

    /// 0 where there is nothing.
    pub(super) fn number<T: FromStr + Default>(&self, at: usize) -> anyhow::Result<T> {
        match self.text(at)? {
            "" => Ok(T::default()),
            text => text.parse().ok().with_context(|| format!("{text:?} is not the number that it should be")),
        }
    }

    /// An id of 64 bits, which some tables have as the signed number of the same bits.
    pub(super) fn id(&self, at: usize) -> anyhow::Result<u64> {
        let text = self.text(at)?;
        text.parse::<i64>().map(i64::cast_unsigned).or_else(|_| self.number(at))
    }

    /// Hexadecimal digits.
    pub(super) fn wide(&self, at: usize) -> anyhow::Result<u128> {
        let text = self.text(at)?;
        u128::from_str_radix(text, 16).with_context(|| format!("{text:?} is no hexadecimal number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_spelled_for_each_server() {
        let question = "SELECT #c.id, n, max(#event) FROM @keys";
        let check = |schema, before, after, wanted: &str| assert_eq!(spelled(question, schema, before, after), wanted);
        check("", "hex(", ")", "SELECT hex(c.id), n, max(hex(event)) FROM keys");
        check("ledger.", "h(", "::text)", "SELECT h(c.id::text), n, max(h(event::text)) FROM ledger.keys");
    }

    #[test]
    fn rows_are_read_as_numbers() -> anyhow::Result<()> {
        let row = Row(&["-1", "18446744073709551615", "", "00ff", "x"]);
        assert_eq!((row.id(0)?, row.id(1)?, row.id(2)?, row.wide(3)?), (u64::MAX, u64::MAX, 0, 255));
        assert_eq!((row.number::<i64>(0)?, row.number::<u32>(2)?), (-1, 0));
        assert!(row.number::<i64>(4).is_err() && row.id(4).is_err() && row.wide(4).is_err() && row.text(5).is_err());
        Ok(())
    }
}
