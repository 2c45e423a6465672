//! Hears what is said on a connection, in messages where the speech has them.

use std::collections::HashMap;

use schemas::event::Event;

use super::{Speech, What, produce};

/// What Postgres' clients ask with before they begin.
const ASKS_FOR_TLS: u32 = 80_877_103;

/// Of one connection.
pub(super) struct Ear {
    speech: Speech,
    /// What is not a whole message yet.
    rest: Vec<u8>,
    /// How many parts of the trap passed by.
    heard: usize,
    /// The text of prepared statements by their names.
    statements: HashMap<Vec<u8>, Vec<u8>>,
    /// Postgres' first message has no type, nor has the question for TLS before it.
    began: bool,
}

/// Bytes of a connection cut into Kafka's frames.
#[derive(Default)]
pub(super) struct Frames(Vec<u8>);

impl Ear {
    pub(super) fn new(speech: Speech) -> Ear {
        Ear { speech, rest: Vec::new(), heard: 0, statements: HashMap::new(), began: false }
    }

    /// Whether the last part of it passes by with these bytes.
    pub(super) fn hears(&mut self, bytes: &[u8], what: Option<What>) -> bool {
        if what.is_none() {
            self.heard = 0;
        }
        let what = what.unwrap_or_default();
        self.rest.extend_from_slice(bytes);
        match self.speech {
            Speech::Postgres => self.messages(what),
            Speech::Kafka => self.frames(what),
            Speech::Plain => self.plain(what),
        }
    }

    /// As text: a part may begin in one chunk and end in the next.
    fn plain(&mut self, what: What) -> bool {
        let rest = std::mem::take(&mut self.rest);
        let sprung = self.said(&rest, what);
        let longest = what.parts.iter().map(|part| part.len()).max().unwrap_or(1);
        if !sprung {
            self.rest = rest[rest.len().saturating_sub(longest - 1)..].to_vec();
        }
        sprung
    }

    /// Only what produces records is heard: other requests name topics too.
    fn frames(&mut self, what: What) -> bool {
        let mut sprung = false;
        while let Some(end) = frame_end(&self.rest) {
            let frame: Vec<u8> = self.rest.drain(..end).collect();
            let is_meant = |event: fn(&Event) -> bool| produce::events(&frame).iter().any(event);
            sprung |= frame[4..6] == [0, 0] && what.event.is_none_or(is_meant) && self.said(&frame, what);
        }
        sprung
    }

    /// Statements are heard where they run and not where they are prepared.
    fn messages(&mut self, what: What) -> bool {
        let mut sprung = false;
        loop {
            let head = usize::from(self.began);
            let Some(length) = self.rest.get(head..head + 4) else { return sprung };
            let end = head + u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            if self.rest.len() < end {
                return sprung;
            }
            let message: Vec<u8> = self.rest.drain(..end).collect();
            if !self.began {
                self.began = message[4..] != ASKS_FOR_TLS.to_be_bytes();
                continue;
            }
            let mut texts = message[5..].split(|byte| *byte == 0).map(<[u8]>::to_vec);
            let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
            let runs = match message[0] {
                b'P' => {
                    self.statements.insert(first, second);
                    None
                }
                b'B' => self.statements.get(&second).cloned(),
                b'Q' => Some(first),
                _ => None,
            };
            sprung |= runs.is_some_and(|text| self.said(&text, what));
        }
    }

    fn said(&mut self, text: &[u8], what: What) -> bool {
        // Of a transaction that was rolled back nothing was said.
        if self.speech == Speech::Postgres && [&b"BEGIN"[..], b"ROLLBACK"].iter().any(|word| text.starts_with(word)) {
            self.heard = 0;
        }
        if what.unless.is_some_and(|other| position(text, other.as_bytes()).is_some()) {
            self.heard = 0;
            return false;
        }
        while let Some(part) = what.parts.get(self.heard) {
            if position(text, part.as_bytes()).is_none() {
                return false;
            }
            self.heard += 1;
        }
        self.heard = 0;
        !what.parts.is_empty()
    }
}

impl Frames {
    /// The whole frames that there are now, each changed by `change`.
    pub(super) fn complete(&mut self, bytes: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
        self.0.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some(end) = frame_end(&self.0) {
            let mut frame: Vec<u8> = self.0.drain(..end).collect();
            change(&mut frame);
            whole.extend(frame);
        }
        whole
    }
}

fn frame_end(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    (bytes.len() >= 4 + length).then_some(4 + length)
}

pub(super) fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[test]
fn statements_are_heard_where_they_run() {
    let message = |kind: u8, body: &[u8]| [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat();
    let tls = [8_u32, ASKS_FOR_TLS].map(u32::to_be_bytes).concat();
    let start = [tls, [8_u32, 196_608].map(u32::to_be_bytes).concat()].concat();
    let parts = &["INSERT INTO ledger.plans", "COMMIT"];
    let what = What { parts, unless: Some("UPDATE"), event: None };
    let prepare = message(b'P', b"s1\0INSERT INTO ledger.plans (a) VALUES ($1)\0\0\0");
    let bind = message(b'B', b"\0s1\0\0\0\0\0\0\0");
    let commit = message(b'Q', b"COMMIT\0");
    let check = |said: &[&[u8]], wanted: &[bool]| {
        let mut ear = Ear::new(Speech::Postgres);
        let heard: Vec<bool> = said.iter().map(|bytes| ear.hears(bytes, Some(what))).collect();
        assert_eq!(heard, wanted);
    };
    check(&[&start, &prepare, &commit, &bind, &commit], &[false, false, false, false, true]);
    let (first, second) = bind.split_at(3);
    check(&[&start, &prepare, first, second, &commit], &[false, false, false, false, true]);
    check(&[&start, &prepare, &[bind.clone(), commit.clone()].concat()], &[false, false, true]);
    let (again, other) = (message(b'Q', b"BEGIN; SELECT 1\0"), message(b'Q', b"UPDATE x\0"));
    check(
        &[&start, &prepare, &bind, &again, &commit, &bind, &commit],
        &[false, false, false, false, false, false, true],
    );
    check(&[&start, &prepare, &bind, &other, &commit], &[false; 5]);
}

#[test]
fn a_part_is_heard_across_chunks_and_only_where_records_are_produced() {
    let mut ear = Ear::new(Speech::Plain);
    let saves = What { parts: &["EVALSHA"], ..What::default() };
    assert!(!ear.hears(b"*3\r\n$7\r\nEVAL", Some(saves)));
    assert!(ear.hears(b"SHA\r\n", Some(saves)));
    let frame = |api: u16| {
        let body = [&api.to_be_bytes()[..], b"...x.decisions..."].concat();
        [&(body.len() as u32).to_be_bytes()[..], &body].concat()
    };
    let mut ear = Ear::new(Speech::Kafka);
    let publishes = What { parts: &["x.decisions"], ..What::default() };
    assert!(!ear.hears(&frame(3), Some(publishes)), "it asks for metadata");
    assert!(ear.hears(&frame(0), Some(publishes)));
    let sends = What { event: Some(|_| true), ..publishes };
    assert!(!ear.hears(&frame(0), Some(sends)), "there is no event in it");
}
