use rusqlite::{Connection, Row};
use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    ids::{CompanyId, ConversionId, EventId, TransferId},
    time::TimeMs,
};

use super::{
    columns::{get_account, get_currency, get_reason},
    conversion_row,
};
use crate::{
    StoreError,
    sqlite::row::{get_id, get_wide, wide},
};

pub(super) fn conversion(connection: &Connection, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
    conversion_row::find(connection, id)
}

pub(super) fn refunds(connection: &Connection, conversion: ConversionId) -> Result<Vec<RefundApplied>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT company, conversion, id, event, label, amount_minor, refunded_minor, commission_minor, partner_minor, reason, at_ms
         FROM refunds WHERE conversion = ?1 ORDER BY at_ms, refunded_minor",
    )?;
    let refunds = statement.query_map([wide(conversion.0)], |row| {
        Ok(RefundApplied {
            company: CompanyId(get_id(row, 0)?),
            conversion: ConversionId(get_wide(row, 1)?),
            id: ConversionId(get_wide(row, 2)?),
            event: EventId(get_wide(row, 3)?),
            label: row.get(4)?,
            amount_minor: row.get(5)?,
            refunded_minor: row.get(6)?,
            commission_minor: row.get(7)?,
            partner_minor: row.get(8)?,
            reason: row.get(9)?,
            at: TimeMs(row.get(10)?),
        })
    })?;
    Ok(refunds.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn transfers_of(connection: &Connection, conversion: ConversionId) -> Result<Vec<Transfer>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, debit_kind, debit_company, debit_partner, credit_kind, credit_company, credit_partner, amount_minor, currency, reason,
                conversion, event, at_ms
         FROM transfers WHERE number = (SELECT number FROM conversions WHERE id = ?1) ORDER BY at_ms, reason, id",
    )?;
    let transfers = statement.query_map([wide(conversion.0)], read_transfer)?;
    Ok(transfers.collect::<rusqlite::Result<_>>()?)
}

fn read_transfer(row: &Row<'_>) -> rusqlite::Result<Transfer> {
    Ok(Transfer {
        id: TransferId(get_wide(row, 0)?),
        debit: get_account(row, 1)?,
        credit: get_account(row, 4)?,
        amount_minor: row.get(7)?,
        currency: get_currency(row, 8)?,
        reason: get_reason(row, 9)?,
        conversion: ConversionId(get_wide(row, 10)?),
        event: EventId(get_wide(row, 11)?),
        at: TimeMs(row.get(12)?),
    })
}
