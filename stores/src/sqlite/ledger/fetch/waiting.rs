use rules::{
    effect::{Parked, ParkedUntil},
    known::{Awaiting, Ident},
};
use rusqlite::{OptionalExtension, Row, Transaction};
use schemas::{
    event::Logged,
    ids::{CompanyId, ConversionId, LinkId, Position},
    time::TimeMs,
    wire::decode_event,
};

use super::add_conversion;
use crate::{
    StoreError,
    ledger::{Due, LedgerFetched, LedgerNeeds},
    sqlite::{
        ledger::columns::{IDENT_BYTES, ident_bytes, ident_from, row_limit},
        row::{get_id, get_id_or_none, get_wide, int, unreadable, wide},
    },
};

pub(super) fn fetch(
    transaction: &Transaction<'_>,
    needs: &LedgerNeeds,
    fetched: &mut LedgerFetched,
) -> Result<(), StoreError> {
    for id in &needs.parked {
        add_parked(transaction, *id, fetched)?;
    }
    for (company, ident) in &needs.parked_by_ident {
        for id in waiting_for(transaction, *company, *ident)? {
            add_parked(transaction, id, fetched)?;
        }
    }
    for (link, earliest) in &needs.awaiting {
        let awaiting = awaiting(transaction, *link, *earliest)?;
        if !awaiting.is_empty() {
            fetched.awaiting.insert(*link, awaiting);
        }
    }
    if let Some(due) = needs.due {
        add_due(transaction, due, fetched)?;
    }
    Ok(())
}

fn add_parked(transaction: &Transaction<'_>, id: ConversionId, fetched: &mut LedgerFetched) -> Result<(), StoreError> {
    if fetched.parked.contains_key(&id) {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(
        "SELECT company, conversion, partition, offset, appended_at_ms, record, link, at_ms, facts_offset, expires_at_ms, idents
         FROM parked WHERE conversion = ?1",
    )?;
    if let Some(parked) = statement.query_row([wide(id.0)], read_parked).optional()? {
        fetched.parked.insert(id, parked);
    }
    Ok(())
}

fn read_parked(row: &Row<'_>) -> rusqlite::Result<Parked> {
    let event = decode_event(row.get_ref(5)?.as_blob()?).map_err(|_| unreadable(5, "an encoded event"))?;
    let position = Position { partition: row.get(2)?, offset: get_id(row, 3)? };
    let until = match (get_id_or_none(row, 8)?, row.get::<_, Option<i64>>(9)?) {
        (Some(offset), _) => ParkedUntil::FactsHold { offset },
        (None, Some(expires_at)) => ParkedUntil::Lead { expires_at: TimeMs(expires_at) },
        (None, None) => ParkedUntil::LateClick,
    };
    let idents = row.get_ref(10)?.as_blob()?.chunks(IDENT_BYTES).map(ident_from);
    Ok(Parked {
        logged: Logged { position, appended_at: TimeMs(row.get(4)?), event },
        company: CompanyId(get_id(row, 0)?),
        conversion: ConversionId(get_wide(row, 1)?),
        link: get_id_or_none(row, 6)?.map(LinkId),
        at: TimeMs(row.get(7)?),
        until,
        idents: idents.collect::<Option<_>>().ok_or_else(|| unreadable(10, "identifiers"))?,
    })
}

fn waiting_for(transaction: &Transaction<'_>, company: CompanyId, ident: Ident) -> rusqlite::Result<Vec<ConversionId>> {
    let mut statement =
        transaction.prepare_cached("SELECT conversion FROM parked_idents WHERE company = ?1 AND ident = ?2")?;
    let ids = statement.query_map((int(company.0), ident_bytes(ident)), |row| get_wide(row, 0).map(ConversionId))?;
    ids.collect()
}

fn awaiting(transaction: &Transaction<'_>, link: LinkId, earliest: TimeMs) -> rusqlite::Result<Vec<Awaiting>> {
    let mut statement = transaction.prepare_cached(
        "SELECT company, conversion, at_ms FROM awaiting WHERE link = ?1 AND at_ms >= ?2 ORDER BY at_ms, conversion",
    )?;
    let rows = statement.query_map((int(link.0), earliest.0), |row| {
        Ok(Awaiting {
            company: CompanyId(get_id(row, 0)?),
            conversion: ConversionId(get_wide(row, 1)?),
            at: TimeMs(row.get(2)?),
        })
    })?;
    rows.collect()
}

/// Who has waited longest first where there are more than the limit.
fn add_due(transaction: &Transaction<'_>, due: Due, fetched: &mut LedgerFetched) -> Result<(), StoreError> {
    for select in [
        "SELECT id FROM conversions WHERE partition = ?1 AND held_until_ms <= ?2 AND held_until_ms IS NOT NULL AND standing = 1
         AND review <> 4 ORDER BY held_until_ms LIMIT ?3",
        "SELECT conversion FROM parked WHERE partition = ?1 AND expires_at_ms <= ?2 ORDER BY expires_at_ms LIMIT ?3",
    ] {
        let mut statement = transaction.prepare_cached(select)?;
        let ids = statement.query_map((due.partition, due.at.0, row_limit(due.limit)), |row| get_wide(row, 0).map(ConversionId))?;
        for id in ids {
            fetched.due.push(id?);
        }
    }
    fetched.due.sort_unstable();
    for id in fetched.due.clone() {
        add_conversion(transaction, id, fetched)?;
        add_parked(transaction, id, fetched)?;
    }
    Ok(())
}
