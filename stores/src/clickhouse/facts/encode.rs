//! Rows as `RowBinary`, in the order of their columns.

use bytes::{BufMut as _, Bytes};
use clickhouse::Row as _;
use rules::replay::ToldClick;
use schemas::{
    event::Logged,
    facts::{ConversionChange, Fact},
    ids::Position,
};

use super::rows::{ChangeRow, ClickRow};
use crate::facts::position;

/// A piece of what is sent at once; the client compresses each by itself.
const PIECE: usize = 256 * 1024;

/// Of a row that is no text, and of most rows all.
const ROW: usize = 512;

/// Facts of one block as the server takes them.
#[derive(Default)]
pub(crate) struct Rows {
    incarnation: u32,
    pub(super) clicks: Pieces,
    pub(super) changes: Pieces,
    /// The first and the last place that something is told of.
    pub(super) places: Option<(Position, Position)>,
}

#[derive(Default)]
pub(super) struct Pieces {
    filled: Vec<Bytes>,
    open: Vec<u8>,
    rows: usize,
    bytes: usize,
}

impl Rows {
    pub(crate) fn new(incarnation: u32) -> Rows {
        Rows { incarnation, ..Rows::default() }
    }

    pub(crate) fn of(facts: &[Fact], incarnation: u32) -> Rows {
        let mut rows = Rows::new(incarnation);
        for fact in facts {
            rows.note(position(fact));
            match fact {
                Fact::Click(click) => rows.clicks.push(|row| push_click(row, &ClickRow::new(click, incarnation))),
                Fact::Change(change) => rows.push_change_row(change),
            }
        }
        rows
    }

    pub(crate) fn push_click(&mut self, logged: &Logged, told: ToldClick<'_>) {
        self.note(logged.position);
        let row = ClickRow::of_record(logged, told, self.incarnation);
        self.clicks.push(|bytes| push_click(bytes, &row));
    }

    pub(crate) fn push_change(&mut self, change: &ConversionChange) {
        self.note(change.position);
        self.push_change_row(change);
    }

    pub(crate) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    pub(crate) fn count(&self) -> usize {
        self.clicks.rows + self.changes.rows
    }

    pub(crate) fn bytes(&self) -> usize {
        self.clicks.bytes + self.changes.bytes
    }

    fn push_change_row(&mut self, change: &ConversionChange) {
        let row = ChangeRow::new(change, self.incarnation);
        self.changes.push(|bytes| push_change(bytes, &row));
    }

    fn note(&mut self, place: Position) {
        let (first, last) = self.places.unwrap_or((place, place));
        self.places = Some((first.min(place), last.max(place)));
    }
}

impl Pieces {
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What was filled, and then what is left.
    pub(super) fn all(&self) -> impl Iterator<Item = Bytes> {
        let open = (!self.open.is_empty()).then(|| Bytes::copy_from_slice(&self.open));
        self.filled.iter().cloned().chain(open)
    }

    fn push(&mut self, row: impl FnOnce(&mut Vec<u8>)) {
        let before = self.open.len();
        row(&mut self.open);
        self.rows += 1;
        self.bytes += self.open.len() - before;
        if self.open.len() >= PIECE {
            let next = Vec::with_capacity(PIECE + ROW);
            self.filled.push(std::mem::replace(&mut self.open, next).into());
        }
    }
}

/// What an insert names, so that it may be told in this order.
pub(super) fn insert_into(table: &str, columns: &[&str]) -> String {
    format!("INSERT INTO {table} ({}) FORMAT RowBinary", columns.join(", "))
}

pub(super) fn click_columns() -> &'static [&'static str] {
    ClickRow::COLUMN_NAMES
}

pub(super) fn change_columns() -> &'static [&'static str] {
    ChangeRow::COLUMN_NAMES
}

fn push_click(row: &mut Vec<u8>, click: &ClickRow<'_>) {
    row.reserve(ROW);
    row.put_u64_le(click.company);
    row.put_i64_le(click.at);
    row.put_u32_le(click.partition);
    row.put_u64_le(click.log_offset);
    row.put_u128_le(click.event);
    row.put_u64_le(click.program);
    row.put_u64_le(click.partner);
    row.put_u64_le(click.link);
    row.put_i8(click.outcome);
    row.put_slice(click.receipt.0.as_bytes());
    push_text(row, click.landing_host);
    push_text(row, click.landing_path);
    push_text_or_null(row, click.referrer_host);
    push_text_or_null(row, click.utm_source);
    push_text_or_null(row, click.utm_medium);
    push_text_or_null(row, click.utm_campaign);
    push_text(row, click.source);
    row.put_i8(click.device);
    row.put_u32_le(click.incarnation);
}

fn push_change(row: &mut Vec<u8>, change: &ChangeRow<'_>) {
    row.put_u64_le(change.company);
    row.put_i64_le(change.at);
    row.put_u32_le(change.partition);
    row.put_u64_le(change.log_offset);
    row.put_u128_le(change.conversion);
    row.put_u128_le(change.event);
    row.put_i8(change.kind);
    row.put_u64_le(change.program);
    row.put_u64_le(change.partner);
    row.put_u64_le(change.link);
    push_text(row, change.currency);
    row.put_i64_le(change.changed_at);
    row.put_i64_le(change.conversions);
    row.put_i64_le(change.revenue_minor);
    row.put_i64_le(change.commission_minor);
    row.put_i64_le(change.approved_minor);
    row.put_i64_le(change.partner_minor);
    row.put_i64_le(change.partner_approved_minor);
    row.put_u32_le(change.incarnation);
}

/// Its length goes before it, seven bits a byte.
fn push_text(row: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length > 0x7f {
        row.push(length as u8 | 0x80);
        length >>= 7;
    }
    row.push(length as u8);
    row.extend_from_slice(text.as_bytes());
}

fn push_text_or_null(row: &mut Vec<u8>, text: Option<&str>) {
    row.push(text.is_none().into());
    text.into_iter().for_each(|text| push_text(row, text));
}
