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

pub(crate) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Resolves once the event is durable, or to an error once it is known not to be.
#[must_use = "an event is durable only when this has resolved"]
pub struct Appending(Answer<Appended>);

/// Resolves once all of the events are durable, or to an error where any is not.
#[must_use = "events are durable only when this has resolved"]
pub struct AppendingMany(Answer<()>);

impl Appending {
    pub(crate) fn new(answer: Answer<Appended>) -> Appending {
        Appending(answer)
    }
}

impl AppendingMany {
    pub(crate) fn new(answer: Answer<()>) -> AppendingMany {
        AppendingMany(answer)
    }
}

impl Future for Appending {
    type Output = Result<Appended, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        poll_answer(&mut self.0, context)
    }
}

impl Future for AppendingMany {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        poll_answer(&mut self.0, context)
    }
}

/// An answer that was dropped is one that a closed log never gave.
fn poll_answer<T>(answer: &mut Answer<T>, context: &mut Context<'_>) -> Poll<Result<T, StoreError>> {
    Pin::new(answer).poll(context).map(|answered| answered.unwrap_or(Err(StoreError::Closed)))
}

/// The answer of what never came as far as the queue.
pub(crate) fn refused<T>(why: StoreError) -> Answer<T> {
    let (done, answer) = oneshot::channel();
    // The receiving side is in our hand.
    let _ = done.send(Err(why));
    answer
}
