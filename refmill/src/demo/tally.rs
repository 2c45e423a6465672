//! What was sent and how it was answered, by kind of event.

use std::collections::BTreeMap;

use super::outcomes::{Counts, Kind};
use super::server::Answer;

#[derive(Default)]
pub(super) struct Tally(BTreeMap<Kind, Sent>);

#[derive(Default)]
pub(super) struct Sent {
    pub(super) requests: i64,
    /// Answered 404: nobody's code, so in nobody's counts.
    pub(super) unknown: i64,
    /// Answers that the demo has no place for, by status and code: how many, and what the first one said.
    pub(super) surprises: BTreeMap<(u16, String), (u64, String)>,
}

impl Tally {
    pub(super) fn add(&mut self, kind: Kind, answers: &[Answer]) {
        let sent = self.0.entry(kind).or_default();
        for answer in answers {
            sent.requests += 1;
            sent.unknown += i64::from(answer.status == 404);
            if let Some(message) = surprise(kind, answer) {
                let key = (answer.status, answer.code().to_owned());
                sent.surprises.entry(key).or_insert_with(|| (0, message)).0 += 1;
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Kind, &Sent)> {
        self.0.iter().map(|(kind, sent)| (*kind, sent))
    }

    pub(super) fn of(&self, kind: Kind) -> Option<&Sent> {
        self.0.get(&kind)
    }
}

impl Sent {
    /// Every event sent has one outcome, or was nobody's.
    pub(super) fn adds_up(&self, counts: Counts) -> bool {
        self.requests == self.unknown + counts.sum()
    }
}

fn surprise(kind: Kind, answer: &Answer) -> Option<String> {
    let expected: &[u16] = match kind {
        Kind::Click => &[200, 404, 429],
        Kind::Sale => &[200, 202, 409],
        _ => &[200, 409],
    };
    if !expected.contains(&answer.status) {
        return Some(answer.message().to_owned());
    }
    (kind == Kind::Click && !answer.was_tracked()).then(|| "the program is paused and tracks no clicks".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl FromIterator<(Kind, Sent)> for Tally {
        fn from_iter<I: IntoIterator<Item = (Kind, Sent)>>(sent: I) -> Self {
            Self(sent.into_iter().collect())
        }
    }

    fn check(requests: i64, unknown: i64, counts: Counts, expected: bool) {
        let sent = Sent { requests, unknown, ..Sent::default() };
        assert_eq!(sent.adds_up(counts), expected, "{requests} {unknown} {counts:?}");
    }

    #[test]
    fn one_event_too_many_or_too_few_does_not_add_up() {
        let counts =
            |counted, duplicate, edge_refused| Counts { counted, duplicate, edge_refused, ..Counts::default() };
        check(10, 2, counts(5, 2, 1), true);
        check(10, 2, counts(5, 2, 0), false);
        check(10, 2, counts(6, 2, 1), false);
        check(10, 3, counts(5, 2, 1), false);
        check(0, 0, counts(0, 0, 0), true);
    }
}
