use std::fmt;

use tokio_postgres::{Row, types::ToSql};

/// One statement with what goes into it.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Param>,
    pub(super) wants: Wants,
}

pub(super) type Param = Box<dyn ToSql + Sync + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    Rows,
    Count,
}

/// What came of a statement.
#[derive(Debug)]
pub(super) enum Told {
    Rows(Vec<Row>),
    Count(u64),
}

impl Ask {
    pub(super) fn rows(sql: &'static str, params: Vec<Param>) -> Ask {
        Ask { sql, params, wants: Wants::Rows }
    }

    /// Says how many rows it changed.
    pub(super) fn count(sql: &'static str, params: Vec<Param>) -> Ask {
        Ask { sql, params, wants: Wants::Count }
    }
}

impl Told {
    pub(super) fn rows(self) -> Vec<Row> {
        match self {
            Told::Rows(rows) => rows,
            Told::Count(_) => Vec::new(),
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Told::Rows(rows) => rows.len() as u64,
            Told::Count(count) => *count,
        }
    }
}

/// One value.
pub(super) fn one<T: ToSql + Sync + Send + 'static>(value: T) -> Param {
    Box::new(value)
}

/// One column of many rows, as an array.
pub(super) fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Param
where
    V: ToSql + Sync + Send + fmt::Debug + 'static,
{
    Box::new(rows.iter().map(value).collect::<Vec<V>>())
}
