//! Clicks, which are nearly all there is: the bytes that `prost` makes of one and takes one from, without a record in between.

use compact_str::CompactString;
use prost::encoding::{decode_varint, encode_varint};

use super::{
    event::narrow,
    sound::{text, time},
};
use crate::{
    event::{Body, Click, Event},
    hashes::AddressHash,
    ids::{CompanyId, EventId, KeyId, PartnerId, ProgramId},
    receipt::Receipt,
    web::{Device, Page, Utm},
};

/// Where the body of an event says that it is a click.
const CLICK: u32 = 16;

/// Bytes of an event beside its click, and of all of a click that are no text: the texts' own lengths are within them.
const ROUND: usize = 192;

pub(super) fn encode(event: &Event, click: &Click) -> Vec<u8> {
    let texts = [
        Some(&click.landing.host),
        Some(&click.landing.path),
        click.referrer_host.as_ref(),
        click.utm.source.as_ref(),
        click.utm.medium.as_ref(),
        click.utm.campaign.as_ref(),
    ]
    .map(|text| text.map_or(&[][..], |text| text.as_bytes()));
    let texts_bytes: usize = texts.iter().map(|text| text.len()).sum();
    let mut all = Writer(Vec::with_capacity(ROUND + click.code.len() + texts_bytes));
    all.bytes(1, &event.id.0.to_be_bytes());
    all.varint(2, event.stamped_at.0.cast_unsigned());
    all.varint(3, event.resent.into());
    if let Some(partition) = event.reply_to {
        all.present(4, partition.into());
    }
    all.fixed64(5, event.key.map_or(0, |key| key.0));
    if let Some(at) = event.first_appended_at {
        all.present(6, at.0.cast_unsigned());
    }
    all.0.extend_from_slice(&CLICK_KEY);
    all.within(|body| {
        body.fixed64(1, click.company.0);
        body.fixed64(2, click.program.0);
        body.fixed64(3, click.partner.0);
        body.bytes(4, click.code.as_bytes());
        body.bytes(5, click.receipt.as_bytes());
        body.bytes(6, &click.address.0.to_be_bytes());
        if let Some(before) = click.address_before {
            body.bytes(7, &before.0.to_be_bytes());
        }
        for (field, text) in (8..).zip(texts) {
            body.bytes(field, text);
        }
        body.varint(14, click.device as u64);
    });
    all.0
}

/// None of what does not look as [`encode`] makes it, or holds what it can't: `prost` reads that, or says what is wrong.
pub(super) fn decode(bytes: &[u8]) -> Option<Event> {
    let mut all = Reader(bytes);
    let id = EventId(all.wide(1)?);
    let stamped_at = time(all.varint(2)?.unwrap_or(0).cast_signed(), "stamped_at_ms").ok()?;
    let resent = all.is_set(3)?;
    let reply_to = all.varint(4)?.map(u32::try_from).transpose().ok()?;
    let key = Some(all.fixed64(5)?).filter(|key| *key != 0).map(KeyId);
    let first_appended_at = all.varint(6)?.map(|at| time(at.cast_signed(), "first_appended_at_ms")).transpose().ok()?;
    all.0 = all.0.strip_prefix(&CLICK_KEY)?;
    let click = click(&mut Reader(all.length_delimited()?))?;
    let resent = all.is_set(3)? || resent;
    let body = Body::Click(Box::new(click));
    all.0.is_empty().then_some(Event { id, stamped_at, resent, reply_to, key, first_appended_at, body })
}

/// Whether it looks like a click, as far as that shows without reading it.
pub fn is_click(bytes: &[u8]) -> bool {
    let mut all = Reader(bytes);
    let mut begins_so = || {
        all.bytes(1)?;
        all.varint(2)?;
        all.varint(3)?;
        all.varint(4)?;
        all.fixed64(5)?;
        all.varint(6)?;
        Some(all.0.starts_with(&CLICK_KEY))
    };
    begins_so().unwrap_or(false)
}

fn click(body: &mut Reader<'_>) -> Option<Click> {
    let click = Click {
        company: CompanyId(body.fixed64(1)?),
        program: ProgramId(body.fixed64(2)?),
        partner: PartnerId(body.fixed64(3)?),
        code: body.text(4)?,
        receipt: Receipt::from_bytes(body.bytes(5)?.try_into().ok()?).ok()?,
        address: AddressHash(body.wide(6)?),
        address_before: match body.bytes(7)? {
            [] => None,
            hash => Some(AddressHash(narrow(hash, "address_hash_before").ok()?)),
        },
        landing: Page { host: body.text(8)?, path: body.text(9)? },
        referrer_host: body.present(10)?,
        utm: Utm { source: body.present(11)?, medium: body.present(12)?, campaign: body.present(13)? },
        device: *Device::ALL.get(usize::try_from(body.varint(14)?.unwrap_or(0)).ok()?)?,
    };
    body.0.is_empty().then_some(click)
}

/// Fields in the order of their numbers; those that hold nothing are left out.
struct Writer(Vec<u8>);

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;

/// A field number past 15 takes two bytes.
const CLICK_KEY: [u8; 2] = [0x80 | ((CLICK << 3) as u8 & 0x7f) | LENGTH_DELIMITED, (CLICK >> 4) as u8];

impl Writer {
    fn key(&mut self, field: u8, kind: u8) {
        self.0.push(field << 3 | kind);
    }

    fn varint(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.present(field, value);
        }
    }

    /// Even where it is 0.
    fn present(&mut self, field: u8, value: u64) {
        self.key(field, VARINT);
        encode_varint(value, &mut self.0);
    }

    fn fixed64(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.key(field, FIXED64);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn bytes(&mut self, field: u8, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.key(field, LENGTH_DELIMITED);
            self.length_delimited(bytes);
        }
    }

    fn length_delimited(&mut self, bytes: &[u8]) {
        encode_varint(bytes.len() as u64, &mut self.0);
        self.0.extend_from_slice(bytes);
    }

    /// What is written here stands behind its length. Nearly all clicks have one of two bytes, so that is what is left for it.
    fn within(&mut self, write: impl FnOnce(&mut Writer)) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 2]);
        write(self);
        let length = self.0.len() - start - 2;
        match u16::try_from(length) {
            Ok(length @ 0x80..0x4000) => {
                self.0[start] = length as u8 | 0x80;
                self.0[start + 1] = (length >> 7) as u8;
            }
            _ => {
                let mut bytes = Vec::new();
                encode_varint(length as u64, &mut bytes);
                self.0.splice(start..start + 2, bytes);
            }
        }
    }
}

/// What is left to be read. A field that does not come next is not there; none of its values is what is not well-formed.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn comes(&mut self, field: u8, kind: u8) -> bool {
        let rest = self.0.strip_prefix(&[field << 3 | kind]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn varint(&mut self, field: u8) -> Option<Option<u64>> {
        if self.comes(field, VARINT) { decode_varint(&mut self.0).ok().map(Some) } else { Some(None) }
    }

    fn is_set(&mut self, field: u8) -> Option<bool> {
        match self.varint(field)? {
            None => Some(false),
            Some(1) => Some(true),
            Some(_) => None,
        }
    }

    fn fixed64(&mut self, field: u8) -> Option<u64> {
        if !self.comes(field, FIXED64) {
            return Some(0);
        }
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*value))
    }

    fn bytes(&mut self, field: u8) -> Option<&'a [u8]> {
        if self.comes(field, LENGTH_DELIMITED) { self.length_delimited() } else { Some(&[]) }
    }

    fn length_delimited(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(decode_varint(&mut self.0).ok()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn wide(&mut self, field: u8) -> Option<u128> {
        narrow(self.bytes(field)?, "").ok()
    }

    fn text(&mut self, field: u8) -> Option<CompactString> {
        text(str::from_utf8(self.bytes(field)?).ok()?, "").ok().map(CompactString::from)
    }

    fn present(&mut self, field: u8) -> Option<Option<CompactString>> {
        self.text(field).map(|text| Some(text).filter(|text| !text.is_empty()))
    }
}
