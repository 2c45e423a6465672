//! A record in a segment file: mark 4 · checksum 8 · length 4 · time in ms 8 · partition 4 · class 1 · encoded event.
//!
//! The checksum covers all that follows it and is seeded with the record's place, so that bytes which once stood elsewhere are
//! never taken for a record.

use schemas::time::TimeMs;
use stores::log::Class;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a segment file begins with: what it is, and its version.
pub(super) const MAGIC: [u8; 8] = *b"RMSPOOL\x01";

/// No text in UTF-8 holds these bytes.
const MARK: [u8; 4] = [0xff, 0xfe, b'r', b'm'];
const SUMMED_AT: usize = MARK.len() + 8;
const HEAD_BYTES: usize = SUMMED_AT + 4 + 8 + 4 + 1;

/// Far more than a request's body may hold.
pub(super) const EVENT_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spooled {
    pub(super) partition: u32,
    pub(super) class: Class,
    pub(super) at: TimeMs,
    pub(super) bytes: Vec<u8>,
}

/// Where in which segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Whole {
        record: Spooled,
        length: usize,
    },
    /// So many bytes that are no record, and then one.
    Bad {
        length: usize,
    },
    /// No record from here to the end.
    Tail {
        /// What a write leaves that never came to its end, rather than one that was damaged later.
        is_torn: bool,
    },
}

pub(super) fn length(event: &[u8]) -> u64 {
    (HEAD_BYTES + event.len()) as u64
}

pub(super) fn write(into: &mut Vec<u8>, place: Place, partition: u32, class: Class, at: TimeMs, event: &[u8]) {
    let start = into.len();
    into.extend_from_slice(&MARK);
    into.extend_from_slice(&[0; 8]);
    into.extend_from_slice(&(event.len() as u32).to_be_bytes());
    into.extend_from_slice(&at.0.to_be_bytes());
    into.extend_from_slice(&partition.to_be_bytes());
    into.push(class_number(class));
    into.extend_from_slice(event);
    let sum = checksum(place, &into[start + SUMMED_AT..]);
    into[start + MARK.len()..start + SUMMED_AT].copy_from_slice(&sum.to_be_bytes());
}

/// What the bytes begin with, which stand at `place` and go to the segment's end; there is at least one.
pub(super) fn find(bytes: &[u8], place: Place) -> Found {
    if let Some((record, length)) = whole(bytes, place) {
        return Found::Whole { record, length };
    }
    let moved = |length: usize| Place { offset: place.offset + length as u64, ..place };
    let marks = (1..bytes.len()).filter(|start| bytes[*start..].starts_with(&MARK));
    match marks.into_iter().find(|start| whole(&bytes[*start..], moved(*start)).is_some()) {
        Some(length) => Found::Bad { length },
        None => Found::Tail { is_torn: is_torn(bytes) },
    }
}

fn whole(bytes: &[u8], place: Place) -> Option<(Spooled, usize)> {
    let length = claimed_length(bytes)?;
    let record = bytes.get(..length)?;
    let sum = u64::from_be_bytes(array(record, MARK.len())?);
    if sum != checksum(place, &record[SUMMED_AT..]) {
        return None;
    }
    let spooled = Spooled {
        at: TimeMs(i64::from_be_bytes(array(record, SUMMED_AT + 4)?)),
        partition: u32::from_be_bytes(array(record, SUMMED_AT + 12)?),
        class: class(record[HEAD_BYTES - 1])?,
        bytes: record[HEAD_BYTES..].to_vec(),
    };
    Some((spooled, length))
}

/// The whole record's length as its head says.
fn claimed_length(bytes: &[u8]) -> Option<usize> {
    let event = u32::from_be_bytes(array(bytes, SUMMED_AT)?) as usize;
    (bytes.starts_with(&MARK) && event <= EVENT_BYTES_MAX).then_some(HEAD_BYTES + event)
}

/// The end of a file after a crash: a record cut short, or room that was made and never written.
fn is_torn(bytes: &[u8]) -> bool {
    let is_short = bytes.len() < HEAD_BYTES || claimed_length(bytes).is_some_and(|length| length > bytes.len());
    is_short || bytes.iter().all(|byte| *byte == 0)
}

fn checksum(place: Place, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, place.segment.rotate_left(32) ^ place.offset)
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> Option<[u8; N]> {
    bytes.get(start..start + N)?.try_into().ok()
}

fn class_number(class: Class) -> u8 {
    match class {
        Class::Click => 0,
        Class::Conversion => 1,
        Class::Own => 2,
    }
}

fn class(number: u8) -> Option<Class> {
    [Class::Click, Class::Conversion, Class::Own].into_iter().find(|class| class_number(*class) == number)
}
