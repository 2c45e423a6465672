//! Statements that a connection prepares once. Several of them awaited together go out in one round trip.

use deadpool_postgres::GenericClient;
use tokio_postgres::{Error, Row, types::ToSql};

/// What a statement is given for its `$1`, `$2` and so on.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(crate) async fn all(client: &impl GenericClient, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, values).await
}

pub(crate) async fn one(client: &impl GenericClient, sql: &str, values: Values<'_>) -> Result<Row, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query_one(&statement, values).await
}

pub(crate) async fn one_or_none(
    client: &impl GenericClient,
    sql: &str,
    values: Values<'_>,
) -> Result<Option<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query_opt(&statement, values).await
}

/// How many rows the statement touched.
pub(crate) async fn execute(client: &impl GenericClient, sql: &str, values: Values<'_>) -> Result<u64, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, values).await
}
