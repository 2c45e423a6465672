use std::{
    pin::Pin,
    task::{Context, Poll},
};

use schemas::{ids::Position, time::TimeMs};
use tokio::sync::oneshot;

use crate::StoreError;

/// Where an event came to stand, durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub position: Position,
    pub appended_at: TimeMs,
}

/// Events that came to stand next to each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) first: Appended,
    pub(crate) count: usize,
}

pub(crate) type Answer = oneshot::Receiver<Result<Run, StoreError>>;

/// Resolves once the event is durable, or to an error once it is known not to be.
#[must_use = "an event is durable only when this has resolved"]
pub struct Appending(Answer);

/// Resolves to a place for each of the events.
#[must_use = "events are durable only when this has resolved"]
pub struct AppendingMany(Answer);

impl Appending {
    pub(crate) fn new(answer: Answer) -> Appending {
        Appending(answer)
    }
}

impl AppendingMany {
    pub(crate) fn new(answer: Answer) -> AppendingMany {
        AppendingMany(answer)
    }
}

impl Future for Appending {
    type Output = Result<Appended, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        poll_run(&mut self.0, context).map(|run| run.map(|run| run.first))
    }
}

impl Future for AppendingMany {
    type Output = Result<Vec<Appended>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        poll_run(&mut self.0, context).map(|run| run.map(Run::places))
    }
}

impl Run {
    fn places(self) -> Vec<Appended> {
        let Appended { position, appended_at } = self.first;
        (position.offset..)
            .take(self.count)
            .map(|offset| Appended { position: Position { offset, ..position }, appended_at })
            .collect()
    }
}

/// An answer that was dropped is one that a closed log never gave.
fn poll_run(answer: &mut Answer, context: &mut Context<'_>) -> Poll<Result<Run, StoreError>> {
    Pin::new(answer).poll(context).map(|answered| answered.unwrap_or(Err(StoreError::Closed)))
}
