//! Rows as text, whichever server they come from.

use std::str::FromStr;

use rusqlite::types::ValueRef;

use crate::cluster::{Cluster, Shape};

pub(super) type Row = Vec<String>;

/// Takes a row's columns one after the other.
pub(super) struct Columns(std::vec::IntoIter<String>);

impl Columns {
    pub(super) fn of(row: Row) -> Columns {
        Columns(row.into_iter())
    }

    pub(super) fn text(&mut self) -> String {
        self.0.next().expect("a column")
    }

    #[track_caller]
    pub(super) fn number<T: FromStr>(&mut self) -> T {
        let text = self.text();
        text.parse().unwrap_or_else(|_| panic!("{text:?} is not the number that it should be"))
    }

    /// An id of 64 bits: the signed integer of the same bits in some tables; 0 for none.
    pub(super) fn id(&mut self) -> u64 {
        let text = self.text();
        if text.is_empty() {
            return 0;
        }
        text.parse::<i64>().map_or_else(|_| text.parse().expect("an id"), i64::cast_unsigned)
    }

    /// An id of 128 bits in hexadecimal digits; 0 for none.
    pub(super) fn wide(&mut self) -> u128 {
        let text = self.text();
        if text.is_empty() { 0 } else { u128::from_str_radix(&text, 16).expect("hexadecimal digits") }
    }
}

/// Asks the ledger. In the question `@t` is the table `t`, and `#c` the column `c` of bytes as hexadecimal digits.
pub(super) async fn of_ledger(cluster: &Cluster, question: &str) -> Result<Vec<Row>, String> {
    match cluster.plan.shape {
        Shape::Embedded => sqlite(cluster, "ledger.db", &spelled(question, "", |column| format!("hex({column})"))),
        Shape::Distributed => {
            let hex = |column: &str| format!("replace({column}::text, '-', '')");
            cluster.place().sql(&spelled(question, "ledger.", hex)).await
        }
    }
}

/// The same of the facts.
pub(super) async fn of_facts(cluster: &Cluster, question: &str) -> Result<Vec<Row>, String> {
    let hex = |column: &str| format!("hex({column})");
    match cluster.plan.shape {
        Shape::Embedded => sqlite(cluster, "facts.db", &spelled(question, "", hex)),
        Shape::Distributed => cluster.place().facts(&spelled(question, "", hex)).await,
    }
}

pub(super) fn sqlite(cluster: &Cluster, file: &str, question: &str) -> Result<Vec<Row>, String> {
    let said = |error: rusqlite::Error| format!("{question}: {error}");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(cluster.data().join(file), flags).map_err(said)?;
    let mut statement = database.prepare(question).map_err(said)?;
    let width = statement.column_count();
    let mut rows = statement.query([]).map_err(said)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(said)? {
        let column = |at| match row.get_ref(at).expect("a column") {
            ValueRef::Null => String::new(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            ValueRef::Blob(bytes) => data_encoding::HEXLOWER.encode(bytes),
        };
        found.push((0..width).map(column).collect());
    }
    Ok(found)
}

fn spelled(question: &str, schema: &str, hex: impl Fn(&str) -> String) -> String {
    let mut parts = question.split('#');
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(part.len());
        said.push_str(&hex(&part[..end]));
        said.push_str(&part[end..]);
    }
    said.replace('@', schema)
}

#[test]
fn questions_are_spelled_for_each_server() {
    let check = |schema: &str, wanted: &str| {
        let said = spelled("SELECT #id, n, max(#event) FROM @keys", schema, |column| format!("h({column})"));
        assert_eq!(said, wanted);
    };
    check("", "SELECT h(id), n, max(h(event)) FROM keys");
    check("ledger.", "SELECT h(id), n, max(h(event)) FROM ledger.keys");
}
