//! What waits: parked conversions, sales that a late click could win, and settles to be appended.

use rules::{
    effect::{Parked, ParkedUntil},
    known::Ident,
};
use rusqlite::{Transaction, params};
use schemas::{
    event::Settle,
    ids::{CompanyId, ConversionId, LinkId, Position},
    time::TimeMs,
    wire::encode_event,
};

use crate::sqlite::{
    ledger::columns::{bound, ident_bytes},
    row::{int, wide},
};

/// The row as it is now takes the place of the one before.
pub(super) fn park(transaction: &Transaction<'_>, parked: Parked) -> rusqlite::Result<()> {
    forget_parked(transaction, parked.conversion)?;
    let (facts_offset, expires_at) = match parked.until {
        ParkedUntil::FactsHold { offset } => (Some(bound(offset)), None),
        ParkedUntil::Lead { expires_at } => (None, Some(expires_at.0)),
        ParkedUntil::LateClick => (None, None),
    };
    let idents: Vec<u8> = parked.idents.iter().copied().flat_map(ident_bytes).collect();
    transaction
        .prepare_cached(
            "INSERT INTO parked (conversion, company, partition, offset, appended_at_ms, record, link, at_ms, facts_offset, expires_at_ms, idents)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            wide(parked.conversion.0),
            int(parked.company.0),
            parked.logged.position.partition,
            int(parked.logged.position.offset),
            parked.logged.appended_at.0,
            encode_event(parked.logged.event),
            parked.link.map(|link| int(link.0)),
            parked.at.0,
            facts_offset,
            expires_at,
            idents,
        ])?;
    note_idents(transaction, parked.company, parked.conversion, &parked.idents)
}

fn note_idents(
    transaction: &Transaction<'_>,
    company: CompanyId,
    conversion: ConversionId,
    idents: &[Ident],
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO parked_idents (company, ident, conversion) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for ident in idents {
        insert.execute((int(company.0), ident_bytes(*ident), wide(conversion.0)))?;
    }
    Ok(())
}

/// It waits for nothing any more.
pub(super) fn unpark(transaction: &Transaction<'_>, conversion: ConversionId) -> rusqlite::Result<()> {
    forget_parked(transaction, conversion)?;
    transaction.prepare_cached("DELETE FROM awaiting WHERE conversion = ?1")?.execute([wide(conversion.0)])?;
    clear_late(transaction, conversion, u64::MAX)
}

fn forget_parked(transaction: &Transaction<'_>, conversion: ConversionId) -> rusqlite::Result<()> {
    for forget in ["DELETE FROM parked_idents WHERE conversion = ?1", "DELETE FROM parked WHERE conversion = ?1"] {
        transaction.prepare_cached(forget)?.execute([wide(conversion.0)])?;
    }
    Ok(())
}

pub(super) fn await_click(
    transaction: &Transaction<'_>,
    company: CompanyId,
    link: LinkId,
    conversion: ConversionId,
    at: TimeMs,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO awaiting (conversion, link, company, at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET company = excluded.company, at_ms = excluded.at_ms",
    )?;
    put.execute((wide(conversion.0), int(link.0), int(company.0), at.0)).map(drop)
}

pub(super) fn note_late(
    transaction: &Transaction<'_>,
    company: CompanyId,
    conversion: ConversionId,
    click: Position,
) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO late_notes (conversion, offset, partition, company) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?;
    insert.execute((wide(conversion.0), int(click.offset), click.partition, int(company.0))).map(drop)
}

pub(super) fn clear_late(
    transaction: &Transaction<'_>,
    conversion: ConversionId,
    facts_up_to: u64,
) -> rusqlite::Result<()> {
    let mut clear = transaction.prepare_cached("DELETE FROM late_notes WHERE conversion = ?1 AND offset < ?2")?;
    clear.execute((wide(conversion.0), bound(facts_up_to))).map(drop)
}

pub(super) fn append_settle(
    transaction: &Transaction<'_>,
    partition: u32,
    to: u32,
    settle: &Settle,
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO settles_due (partition, to_partition, company, conversion, facts_up_to) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let (company, conversion) = (int(settle.company.0), wide(settle.conversion.0));
    insert.execute((partition, to, company, conversion, bound(settle.facts_up_to))).map(drop)
}
