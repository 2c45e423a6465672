use std::ops::Range;

use rusqlite::{Transaction, params};
use schemas::{
    facts::{ClickFact, ConversionChange},
    ids::Position,
    time::{HOUR_MS, TimeMs},
};

use super::{places::Places, runs, words::Words};
use crate::sqlite::row::{int, wide};

/// A row's place says where its click stands in the log: so many bits of it are the offset.
const OFFSET_BITS: u32 = 48;

/// Ids of a partition's rows are from its own number on and below the next one's; what facts are held of bounds both parts.
pub(super) fn row_id(position: Position) -> i64 {
    i64::from(position.partition) << OFFSET_BITS | int(position.offset)
}

pub(super) fn position_of(id: i64) -> Position {
    let offset = id.cast_unsigned() & ((1 << OFFSET_BITS) - 1);
    Position { partition: (id.cast_unsigned() >> OFFSET_BITS) as u32, offset }
}

/// The ids of offsets `[from, to)`.
pub(super) fn row_ids(partition: u32, from: u64, to: u64) -> Range<i64> {
    let id = |offset: u64| row_id(Position { partition, offset: 0 }).saturating_add(int(offset.min(1 << OFFSET_BITS)));
    id(from)..id(to)
}

const INSERT_CLICK: &str = "INSERT INTO click_rows (id, at, place, outcome, device, event, receipt, landing_host, landing_path, \
                            referrer_host, utm_source, utm_medium, utm_campaign) \
                            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

/// In the order of the log, so that each goes in behind the one before.
pub(super) fn insert_clicks<'a>(
    transaction: &Transaction<'_>,
    clicks: impl Iterator<Item = &'a ClickFact>,
) -> rusqlite::Result<()> {
    let mut clicks: Vec<&ClickFact> = clicks.collect();
    clicks.sort_by_key(|click| click.position);
    let (mut words, texts) = Words::of(&clicks);
    words.number(transaction)?;
    let mut places = Places::default();
    let mut insert = transaction.prepare_cached(INSERT_CLICK)?;
    for (click, texts) in clicks.iter().zip(texts) {
        let [host, path, referrer, source, medium, campaign] = texts.map(|text| text.map(|text| words.word(text)));
        insert.execute(params![
            row_id(click.position),
            click.at.0,
            places.number(transaction, click)?,
            click.outcome as u8,
            click.device as u8,
            wide(click.event.0),
            click.receipt.as_bytes(),
            host,
            path,
            referrer,
            source,
            medium,
            campaign,
        ])?;
    }
    runs::insert(transaction, &clicks)
}

const INSERT_CHANGE: &str = "INSERT INTO conversion_changes (company, at, partition, log_offset, conversion, event, kind, program, partner, \
                             link, currency, changed_at, conversions, revenue_minor, commission_minor, approved_minor, partner_minor, \
                             partner_approved_minor, day, hour, weekday) \
                             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";

pub(super) fn insert_change(transaction: &Transaction<'_>, change: &ConversionChange) -> rusqlite::Result<()> {
    let day = change.at.day();
    let values = params![
        int(change.company.0),
        change.at.0,
        change.position.partition,
        int(change.position.offset),
        wide(change.conversion.0),
        wide(change.event.0),
        change.kind as u8,
        change.program.map(|id| int(id.0)),
        change.partner.map(|id| int(id.0)),
        change.link.map(|id| int(id.0)),
        change.currency.code(),
        change.changed_at.0,
        change.conversions,
        change.revenue_minor,
        change.commission_minor,
        change.approved_minor,
        change.partner_minor,
        change.partner_approved_minor,
        day.0,
        hour(change.at),
        day.weekday(),
    ];
    transaction.prepare_cached(INSERT_CHANGE)?.execute(values).map(drop)
}

fn hour(at: TimeMs) -> i64 {
    at.since_ms(at.day().start()) / HOUR_MS
}
