use rusqlite::{Connection, OptionalExtension, Row, params};
use schemas::{
    conversion::{Conversion, Maturity, Standing},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    terms::SignalName,
    time::TimeMs,
};

use super::columns::{get_currency, get_key_kind, get_review, get_settlement, key_kind_code};
use crate::{
    StoreError,
    ledger::codes::{house_status_code, signals_column, signals_from, standing_columns, standing_from},
    sqlite::row::{get_id, get_id_or_none, get_wide, int, unreadable, wide},
};

macro_rules! columns {
    () => {
        "id, company, kind, event, partition, offset, program, partner, link, label, amount_minor, currency, refunded_minor, \
         occurred_at_ms, taken_at_ms, standing, standing_reason, commission_minor, partner_minor, platform_minor, review, \
         held_until_ms, settlement, score_ppm, signals, terms_version, body_hash, explanation"
    };
}

pub(super) const COLUMNS: &str = columns!();

const INSERT: &str = concat!(
    "INSERT INTO conversions (",
    columns!(),
    ", house_status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
     ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)"
);

const UPDATE: &str = concat!(
    "UPDATE conversions SET (",
    columns!(),
    ", house_status) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
     ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29) WHERE id = ?1"
);

const SELECT: &str = concat!("SELECT ", columns!(), " FROM conversions WHERE id = ?1");

pub(super) fn find(connection: &Connection, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
    let mut statement = connection.prepare_cached(SELECT)?;
    Ok(statement.query_row([wide(id.0)], read).optional()?)
}

pub(super) fn insert(connection: &Connection, conversion: &Conversion) -> Result<(), StoreError> {
    write(connection, INSERT, conversion)
}

pub(super) fn update(connection: &Connection, conversion: &Conversion) -> Result<(), StoreError> {
    write(connection, UPDATE, conversion)
}

fn write(connection: &Connection, statement: &str, conversion: &Conversion) -> Result<(), StoreError> {
    let c = conversion;
    let explanation = serde_json::to_string(&c.explanation).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let (standing, reason) = standing_columns(c.standing);
    let held_until = match c.maturity {
        Maturity::HeldUntil(until) => Some(until.0),
        Maturity::Matured => None,
    };
    connection.prepare_cached(statement)?.execute(params![
        wide(c.id.0),
        int(c.company.0),
        key_kind_code(c.kind),
        wide(c.event.0),
        c.position.partition,
        int(c.position.offset),
        c.program.map(|program| int(program.0)),
        c.partner.map(|partner| int(partner.0)),
        c.link.map(|link| int(link.0)),
        c.label,
        c.amount_minor,
        c.currency.code(),
        c.refunded_minor,
        c.occurred_at.0,
        c.taken_at.0,
        standing,
        reason,
        c.commission_minor,
        c.partner_minor,
        c.platform_minor,
        c.review as u8,
        held_until,
        c.settlement as u8,
        c.score_ppm,
        signals_column(&c.signals),
        c.terms_version,
        wide(c.body_hash),
        explanation,
        house_status_code(c),
    ])?;
    Ok(())
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Conversion> {
    Ok(Conversion {
        id: ConversionId(get_wide(row, 0)?),
        company: CompanyId(get_id(row, 1)?),
        kind: get_key_kind(row, 2)?,
        event: EventId(get_wide(row, 3)?),
        position: Position { partition: row.get(4)?, offset: get_id(row, 5)? },
        program: get_id_or_none(row, 6)?.map(ProgramId),
        partner: get_id_or_none(row, 7)?.map(PartnerId),
        link: get_id_or_none(row, 8)?.map(LinkId),
        label: row.get(9)?,
        amount_minor: row.get(10)?,
        currency: get_currency(row, 11)?,
        refunded_minor: row.get(12)?,
        occurred_at: TimeMs(row.get(13)?),
        taken_at: TimeMs(row.get(14)?),
        standing: get_standing(row, 15)?,
        commission_minor: row.get(17)?,
        partner_minor: row.get(18)?,
        platform_minor: row.get(19)?,
        review: get_review(row, 20)?,
        maturity: row.get::<_, Option<i64>>(21)?.map_or(Maturity::Matured, |until| Maturity::HeldUntil(TimeMs(until))),
        settlement: get_settlement(row, 22)?,
        score_ppm: row.get(23)?,
        signals: get_signals(row, 24)?,
        terms_version: row.get(25)?,
        body_hash: get_wide(row, 26)?,
        explanation: serde_json::from_str(row.get_ref(27)?.as_str()?).map_err(|_| unreadable(27, "an explanation"))?,
    })
}

fn get_standing(row: &Row<'_>, column: usize) -> rusqlite::Result<Standing> {
    standing_from(row.get(column)?, row.get(column + 1)?).ok_or_else(|| unreadable(column, "a standing"))
}

fn get_signals(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<SignalName>> {
    signals_from(row.get_ref(column)?.as_str()?).ok_or_else(|| unreadable(column, "names of signals"))
}
