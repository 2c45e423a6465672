//! A connection while it is used: statements sent together, and never given back in the middle of something.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use deadpool_postgres::{Object, PoolError};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;

use super::ask::{Ask, Told, Wants};
use crate::{StoreError, postgres::Postgres};

/// How long the server may work on one statement of a batch.
const STATEMENT_WAIT: Duration = Duration::from_secs(30);

/// How long an answer is waited for before the connection counts as lost.
const ANSWER_WAIT: Duration = Duration::from_secs(40);

/// The same for what reads every transfer.
const LONG_ANSWER_WAIT: Duration = Duration::from_secs(900);

/// Taken from the pool. Dropped before [`Session::give_back`], the connection is closed, and the server rolls back.
pub(super) struct Session {
    client: Option<Object>,
    answer_wait: Duration,
}

impl Session {
    pub(super) async fn start(postgres: &Postgres) -> Result<Session, StoreError> {
        let client = postgres.client().await.map_err(|error| match error {
            StoreError::PostgresPool(PoolError::Closed) => StoreError::Closed,
            other => other,
        })?;
        Ok(Session { client: Some(client), answer_wait: ANSWER_WAIT })
    }

    /// For what takes its time.
    pub(super) fn patient(mut self) -> Session {
        self.answer_wait = LONG_ANSWER_WAIT;
        self
    }

    /// Sends `first`, all of these and `last` at once, and tells what came of each of these and of `last`, in order.
    pub(super) async fn run(
        &self,
        first: Option<&str>,
        asks: &[Ask],
        last: Option<&str>,
    ) -> Result<Vec<Answer>, StoreError> {
        timeout(self.answer_wait, self.send(first, asks, last))
            .await
            .map_err(|_| StoreError::PostgresSilent(self.answer_wait))?
    }

    /// The same where each must do well.
    pub(super) async fn all(
        &self,
        first: Option<&str>,
        asks: &[Ask],
        last: Option<&str>,
    ) -> Result<Vec<Told>, StoreError> {
        let told = self.run(first, asks, last).await?;
        Ok(told.into_iter().collect::<Result<_, _>>()?)
    }

    /// Reads rows by their keys.
    pub(super) async fn read_on(&self, asks: &[Ask]) -> Result<Vec<Told>, StoreError> {
        self.all(Some(BEGIN_READ), asks, Some("COMMIT")).await
    }

    /// The same, and gives the connection back.
    pub(super) async fn read(self, asks: &[Ask]) -> Result<Vec<Told>, StoreError> {
        let told = self.read_on(asks).await?;
        self.give_back();
        Ok(told)
    }

    /// Reads all of one state, and gives the connection back.
    pub(super) async fn read_snapshot(self, asks: &[Ask]) -> Result<Vec<Told>, StoreError> {
        let told = self.all(Some(BEGIN_SNAPSHOT), asks, Some("COMMIT")).await?;
        self.give_back();
        Ok(told)
    }

    /// Undoes what is open, and gives the connection back.
    pub(super) async fn roll_back(self) -> Result<(), StoreError> {
        self.all(Some("ROLLBACK"), &[], None).await?;
        self.give_back();
        Ok(())
    }

    /// Nothing is open on it any more.
    pub(super) fn give_back(mut self) {
        drop(self.client.take());
    }

    async fn send(&self, first: Option<&str>, asks: &[Ask], last: Option<&str>) -> Result<Vec<Answer>, StoreError> {
        let Some(client) = &self.client else {
            return Err(StoreError::Closed);
        };
        let prepared = together(asks.iter().map(|ask| client.prepare_cached(ask.sql)).collect()).await;
        let statements = prepared.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut answers: Vec<Answering<'_>> = Vec::with_capacity(asks.len() + 2);
        let simple = |sql| -> Answering<'_> {
            Box::pin(async move { client.batch_execute(sql).await.map(|()| Told::Count(0)) })
        };
        answers.extend(first.map(simple));
        for (ask, statement) in asks.iter().zip(&statements) {
            let params: Vec<&(dyn ToSql + Sync)> = ask.params.iter().map(|param| &**param as _).collect();
            answers.push(Box::pin(async move {
                match ask.wants {
                    Wants::Rows => client.query(statement, &params).await.map(Told::Rows),
                    Wants::Count => client.execute(statement, &params).await.map(Told::Count),
                }
            }));
        }
        answers.extend(last.map(simple));
        let mut told = together(answers).await;
        if first.is_some() {
            told.remove(0)?;
        }
        Ok(told)
    }
}

pub(super) type Answer = Result<Told, tokio_postgres::Error>;

type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

/// Rows are found by their keys: a table that has just begun to grow would be read whole otherwise, and go on being so. That needs no
/// planning for what is asked each time, which took a fifth of the server's time.
macro_rules! by_key {
    () => {
        "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
    };
}

/// Begins a transaction that writes.
pub(super) fn begin() -> String {
    format!(concat!("BEGIN; SET LOCAL statement_timeout = {}; ", by_key!()), STATEMENT_WAIT.as_millis())
}

/// The same where a row that another one holds is waited for so long only.
pub(super) fn begin_within(lock_wait: Duration) -> String {
    format!("{}; SET LOCAL lock_timeout = {}", begin(), lock_wait.as_millis())
}

/// For reading rows by their keys.
const BEGIN_READ: &str = concat!("BEGIN READ ONLY; ", by_key!());

/// For statements that all read the same state, each planned for what it asks.
const BEGIN_SNAPSHOT: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan";

/// Polls all from the first one on, so that what they send goes out in their order.
async fn together<F: Future + Send>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (future, output) in waiting.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(ready) => *output = Some(ready),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
