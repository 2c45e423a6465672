//! The events in what a producer sends to Kafka.

use schemas::event::Event;
use schemas::wire::decode_event;

/// A batch's own fields before its records: two lengths in, what it is packed with, and how many records there are at its end.
const HEAD: usize = 61;
const VERSION: u8 = 2;
const PLAIN: u8 = 0;
const LZ4: u8 = 3;

/// Those of all batches of a request. A batch is found by its shape, whatever of the request is before it.
pub(super) fn events(request: &[u8]) -> Vec<Event> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(rest) = request.get(at..).filter(|rest| rest.len() >= HEAD) {
        match batch(rest) {
            Some((records, length)) => {
                found.extend(values(&records).into_iter().filter_map(|value| decode_event(value).ok()));
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// Its records, and how long it is.
fn batch(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let length = 12 + u32::from_be_bytes(bytes[8..12].try_into().ok()?) as usize;
    if bytes[..8] != [0; 8] || bytes[16] != VERSION || length < HEAD {
        return None;
    }
    let packed = bytes.get(HEAD..length)?;
    match bytes[22] & 7 {
        PLAIN => Some((packed.to_vec(), length)),
        LZ4 => Some((unpacked(packed)?, length)),
        _ => None,
    }
}

fn values(mut records: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some(length) = number(&mut records) {
        let Some((mut record, rest)) = records.split_at_checked(length) else { break };
        records = rest;
        // Attributes, and how much later and further on than the first.
        record = record.get(1..).unwrap_or_default();
        let _ = (number(&mut record), number(&mut record));
        let key = number(&mut record).unwrap_or(0);
        record = record.get(key..).unwrap_or_default();
        let length = number(&mut record).unwrap_or(0);
        found.extend(record.get(..length));
    }
    found
}

/// A length in seven bits a byte, doubled; one below zero stands for nothing.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(if value & 1 == 1 { 0 } else { usize::try_from(value >> 1).ok()? });
        }
        shift += 7;
        if shift > 63 {
            return None;
        }
    }
}

/// A frame of LZ4.
fn unpacked(frame: &[u8]) -> Option<Vec<u8>> {
    const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
    let flags = *frame.get(4)?;
    let (block_sums, has_size, has_dictionary) = (flags & 0x10 != 0, flags & 8 != 0, flags & 1 != 0);
    let mut at = 7 + if has_size { 8 } else { 0 } + if has_dictionary { 4 } else { 0 };
    let mut all = Vec::new();
    if frame[..4] != MAGIC {
        return None;
    }
    loop {
        let size = u32::from_le_bytes(frame.get(at..at + 4)?.try_into().ok()?);
        let (is_plain, length) = (size >> 31 == 1, (size & 0x7fff_ffff) as usize);
        if length == 0 {
            return Some(all);
        }
        let block = frame.get(at + 4..at + 4 + length)?;
        if is_plain {
            all.extend_from_slice(block)
        } else {
            unpack(block, &mut all)?
        }
        at += 4 + length + if block_sums { 4 } else { 0 };
    }
}

fn unpack(block: &[u8], to: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    loop {
        let token = *block.get(at)?;
        at += 1;
        let literals = length(block, &mut at, token >> 4)?;
        to.extend_from_slice(block.get(at..at + literals)?);
        at += literals;
        if at == block.len() {
            return Some(());
        }
        let back = usize::from(u16::from_le_bytes(block.get(at..at + 2)?.try_into().ok()?));
        at += 2;
        for _ in 0..4 + length(block, &mut at, token & 15)? {
            to.push(*to.get(to.len().checked_sub(back)?)?);
        }
    }
}

fn length(block: &[u8], at: &mut usize, first: u8) -> Option<usize> {
    let mut length = usize::from(first);
    if first == 15 {
        loop {
            let more = *block.get(*at)?;
            *at += 1;
            length += usize::from(more);
            if more != 255 {
                break;
            }
        }
    }
    Some(length)
}

#[test]
fn events_are_found_in_a_request_plain_and_packed() {
    use schemas::event::Body;
    use schemas::ids::EventId;
    use schemas::time::TimeMs;
    let tick = Event {
        id: EventId(7),
        stamped_at: TimeMs(1),
        resent: false,
        reply_to: None,
        key: None,
        first_appended_at: None,
        body: Body::Tick,
    };
    let value = schemas::wire::encode_event(tick.clone());
    let short = |length: usize| u8::try_from(length * 2).expect("a short one");
    let record = [&[0, 0, 0, 1, short(value.len())][..], &value, &[0]].concat();
    let records = [&[short(record.len())][..], &record].concat();
    // One block of literals alone, as short texts are packed.
    let literals = [&[0xf0, u8::try_from(records.len() - 15).expect("a short one")][..], &records].concat();
    let size = u32::try_from(literals.len()).expect("a short one").to_le_bytes();
    let packed = [&[0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0][..], &size, &literals, &[0; 4]].concat();
    let check = |how: u8, records: &[u8], wanted: &[Event]| {
        let length = u32::try_from(HEAD - 12 + records.len()).expect("a short one");
        let mut head = vec![0; HEAD];
        head[8..12].copy_from_slice(&length.to_be_bytes());
        (head[16], head[22]) = (VERSION, how);
        let request = [b"a topic and more".as_slice(), &head, records, b"and more"].concat();
        assert_eq!(events(&request), wanted, "packed as {how}");
    };
    check(PLAIN, &records, std::slice::from_ref(&tick));
    check(LZ4, &packed, std::slice::from_ref(&tick));
    check(LZ4, b"no frame at all, but longer than its head", &[]);
    let mut all = Vec::new();
    assert_eq!(
        (unpack(&[0x35, b'a', b'b', b'c', 3, 0, 0x10, b'!'], &mut all), &*all),
        (Some(()), &b"abcabcabcabc!"[..])
    );
}
