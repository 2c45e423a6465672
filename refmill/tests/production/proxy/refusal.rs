//! A server that says no to a producer for good: the producer and it do not agree on what was sent before.

use std::cell::Cell;

use super::ear::position;

/// To the oldest request under way it means that no try again can be right.
const OUT_OF_ORDER_SEQUENCE: u16 = 45;
const PRODUCE: [u8; 2] = [0, 0];

/// The request of a connection whose answer is to be another, by its number, and the topic that it is about.
#[derive(Default)]
pub(super) struct Asked(Cell<Option<([u8; 4], &'static str)>>);

impl Asked {
    /// Whether it is a request that puts records into this topic; then its answer will be a refusal.
    pub(super) fn notes(&self, request: &[u8], topic: &'static str) -> bool {
        let is_meant = request[4..6] == PRODUCE && position(request, topic.as_bytes()).is_some();
        if is_meant {
            self.0.set(Some((number(&request[8..]), topic)));
        }
        is_meant
    }

    /// Puts the refusal in the place of what the server said to that request.
    pub(super) fn refuse(&self, answer: &mut [u8]) {
        let Some((_, topic)) = self.0.get().filter(|(asked, _)| *asked == number(&answer[4..])) else { return };
        self.0.set(None);
        let name = position(answer, topic.as_bytes()).expect("an answer names the topic");
        // Next to the name stands how many partitions there are, in four bytes or in one and then one more than it is; of each its
        // number comes first.
        let partitions = name + topic.len();
        let partition = partitions + if answer[partitions] == 0 { 4 } else { 1 };
        answer[partition + 4..partition + 6].copy_from_slice(&OUT_OF_ORDER_SEQUENCE.to_be_bytes());
    }
}

fn number(bytes: &[u8]) -> [u8; 4] {
    bytes[..4].try_into().expect("four bytes")
}

#[test]
fn the_answer_to_one_request_becomes_a_refusal() {
    let request = |api: u8, number: u8| [&[0, 0, 0, 20, 0, api, 0, 8, 0, 0, 0, number][..], b"x.events"].concat();
    let answer = |number: u8, list: &[u8]| {
        [&[0, 0, 0, 30, 0, 0, 0, number][..], b"x.events", list, &[0, 0, 0, 3, 0, 0, 9, 9]].concat()
    };
    for list in [&[0, 0, 0, 1][..], &[2]] {
        let asked = Asked::default();
        assert!(!asked.notes(&request(3, 7), ".events"), "it asks where topics are");
        assert!(!asked.notes(&request(0, 7), ".decisions"));
        assert!(asked.notes(&request(0, 7), ".events"));
        let mut other = answer(6, list);
        asked.refuse(&mut other);
        assert_eq!(other, answer(6, list), "the answer to another request");
        let mut refused = answer(7, list);
        asked.refuse(&mut refused);
        assert_eq!(refused[refused.len() - 4..], [0, 45, 9, 9]);
        let mut again = answer(7, list);
        asked.refuse(&mut again);
        assert_eq!(again, answer(7, list), "it is done once");
    }
}
