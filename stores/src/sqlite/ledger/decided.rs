use rusqlite::{Connection, Row, Transaction, params};
use schemas::{
    facts::ConversionChange,
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    time::TimeMs,
};

use super::columns::{bound, get_currency, get_event_kind, get_outcome, row_limit};
use crate::{
    StoreError,
    ledger::{Decided, Quarantined},
    sqlite::row::{get_id, get_id_or_none, get_wide, int, wide},
};

pub(super) fn decided(connection: &mut Connection, partition: u32, from: u64, to: u64) -> Result<Decided, StoreError> {
    let transaction = connection.transaction()?;
    let mut decided = Decided::default();
    let mut statement = transaction.prepare_cached(
        "SELECT partition, offset, event, kind, conversion, company, program, partner, link, currency, at_ms, changed_at_ms, conversions,
                revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor
         FROM changes WHERE partition = ?1 AND offset >= ?2 AND offset < ?3 ORDER BY offset, seq",
    )?;
    for change in statement.query_map((partition, bound(from), bound(to)), read_change)? {
        let change = change?;
        decided.changes.entry(change.position.offset).or_default().push(change);
    }
    let mut statement = transaction.prepare_cached(
        "SELECT offset, outcome FROM click_exceptions WHERE partition = ?1 AND offset >= ?2 AND offset < ?3",
    )?;
    let mut rows = statement.query((partition, bound(from), bound(to)))?;
    while let Some(row) = rows.next()? {
        let copy = row.get::<_, Option<u8>>(1)?.is_none();
        let outcome = if copy { None } else { Some(get_outcome(row, 1)?) };
        decided.click_exceptions.insert(get_id(row, 0)?, outcome);
    }
    Ok(decided)
}

pub(super) fn quarantined(
    connection: &Connection,
    partition: u32,
    limit: usize,
) -> Result<Vec<Quarantined>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT offset, reason, record FROM quarantine WHERE partition = ?1 ORDER BY offset LIMIT ?2",
    )?;
    let records = statement.query_map((partition, row_limit(limit)), |row| {
        Ok(Quarantined { offset: get_id(row, 0)?, reason: row.get(1)?, record: row.get(2)? })
    })?;
    Ok(records.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn insert_change(
    transaction: &Transaction<'_>,
    seq: u32,
    change: &ConversionChange,
) -> rusqlite::Result<()> {
    let c = change;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO changes (partition, offset, seq, event, kind, conversion, company, program, partner, link, currency, at_ms,
                              changed_at_ms, conversions, revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
    )?;
    insert.execute(params![
        c.position.partition,
        int(c.position.offset),
        seq,
        wide(c.event.0),
        c.kind as u8,
        wide(c.conversion.0),
        int(c.company.0),
        c.program.map(|program| int(program.0)),
        c.partner.map(|partner| int(partner.0)),
        c.link.map(|link| int(link.0)),
        c.currency.code(),
        c.at.0,
        c.changed_at.0,
        c.conversions,
        c.revenue_minor,
        c.commission_minor,
        c.approved_minor,
        c.partner_minor,
        c.partner_approved_minor,
    ])?;
    Ok(())
}

fn read_change(row: &Row<'_>) -> rusqlite::Result<ConversionChange> {
    Ok(ConversionChange {
        position: Position { partition: row.get(0)?, offset: get_id(row, 1)? },
        event: EventId(get_wide(row, 2)?),
        kind: get_event_kind(row, 3)?,
        conversion: ConversionId(get_wide(row, 4)?),
        company: CompanyId(get_id(row, 5)?),
        program: get_id_or_none(row, 6)?.map(ProgramId),
        partner: get_id_or_none(row, 7)?.map(PartnerId),
        link: get_id_or_none(row, 8)?.map(LinkId),
        currency: get_currency(row, 9)?,
        at: TimeMs(row.get(10)?),
        changed_at: TimeMs(row.get(11)?),
        conversions: row.get(12)?,
        revenue_minor: row.get(13)?,
        commission_minor: row.get(14)?,
        approved_minor: row.get(15)?,
        partner_minor: row.get(16)?,
        partner_approved_minor: row.get(17)?,
    })
}
