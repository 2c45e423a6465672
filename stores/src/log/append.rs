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

/// Where events came to stand.
#[derive(Debug)]
pub(crate) enum Places {
    /// Next to each other.
    Run {
        first: Appended,
        count: usize,
    },
    Each(Vec<Appended>),
}

pub(crate) type Answer = oneshot::Receiver<Result<Places, StoreError>>;

/// Resolves once the event is durable, or to an error once it is known not to be.
#[must_use = "an event is durable only when this has resolved"]
pub struct Appending(Answer);

/// Resolves to a place for each of the events once all are durable, or to an error where any is not.
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
        poll_places(&mut self.0, context).map(|places| match places? {
            Places::Run { first, .. } => Ok(first),
            Places::Each(each) => each.first().copied().ok_or(StoreError::Closed),
        })
    }
}

impl Future for AppendingMany {
    type Output = Result<Vec<Appended>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        poll_places(&mut self.0, context).map(|places| places.map(Places::into_vec))
    }
}

impl Places {
    fn into_vec(self) -> Vec<Appended> {
        match self {
            Places::Each(each) => each,
            Places::Run { first: Appended { position, appended_at }, count } => (position.offset..)
                .take(count)
                .map(|offset| Appended { position: Position { offset, ..position }, appended_at })
                .collect(),
        }
    }
}

/// An answer that was dropped is one that a closed log never gave.
fn poll_places(answer: &mut Answer, context: &mut Context<'_>) -> Poll<Result<Places, StoreError>> {
    Pin::new(answer).poll(context).map(|answered| answered.unwrap_or(Err(StoreError::Closed)))
}

/// The answer of what never came as far as the queue.
pub(crate) fn refused(why: StoreError) -> Answer {
    let (done, answer) = oneshot::channel();
    // The receiving side is in our hand.
    let _ = done.send(Err(why));
    answer
}
