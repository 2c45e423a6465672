use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    ids::{CompanyId, ConversionId, EventId, TransferId},
    time::TimeMs,
};
use tokio_postgres::Row;

use super::{
    ask::{Ask, one},
    columns::{Wide, get_account, get_currency, get_id, get_reason, get_wide},
    conversion_row,
    session::Session,
};
use crate::StoreError;

pub(super) async fn conversion(session: Session, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
    let told = session.read(&[conversion_row::find(vec![Wide(id.0)])]).await?;
    told.into_iter().flat_map(|told| told.rows()).next().map(|row| conversion_row::read(&row)).transpose()
}

pub(super) async fn refunds(session: Session, conversion: ConversionId) -> Result<Vec<RefundApplied>, StoreError> {
    let ask = Ask::rows(
        "SELECT company, conversion, id, event, label, amount_minor, refunded_minor, commission_minor, partner_minor, reason, at_ms
         FROM ledger.refunds WHERE conversion = $1 ORDER BY at_ms, refunded_minor",
        vec![one(Wide(conversion.0))],
    );
    session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows()).map(|row| read_refund(&row)).collect()
}

fn read_refund(row: &Row) -> Result<RefundApplied, StoreError> {
    Ok(RefundApplied {
        company: CompanyId(get_id(row, 0)?),
        conversion: ConversionId(get_wide(row, 1)?),
        id: ConversionId(get_wide(row, 2)?),
        event: EventId(get_wide(row, 3)?),
        label: row.try_get(4)?,
        amount_minor: row.try_get(5)?,
        refunded_minor: row.try_get(6)?,
        commission_minor: row.try_get(7)?,
        partner_minor: row.try_get(8)?,
        reason: row.try_get(9)?,
        at: TimeMs(row.try_get(10)?),
    })
}

pub(super) async fn transfers_of(session: Session, conversion: ConversionId) -> Result<Vec<Transfer>, StoreError> {
    let ask = Ask::rows(
        "SELECT id, debit_kind, debit_company, debit_partner, credit_kind, credit_company, credit_partner, amount_minor, currency, reason,
                conversion, event, at_ms
         FROM ledger.transfers WHERE conversion = $1 ORDER BY at_ms, reason, id",
        vec![one(Wide(conversion.0))],
    );
    session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows()).map(|row| read_transfer(&row)).collect()
}

fn read_transfer(row: &Row) -> Result<Transfer, StoreError> {
    Ok(Transfer {
        id: TransferId(get_wide(row, 0)?),
        debit: get_account(row, 1)?,
        credit: get_account(row, 4)?,
        amount_minor: row.try_get(7)?,
        currency: get_currency(row, 8)?,
        reason: get_reason(row, 9)?,
        conversion: ConversionId(get_wide(row, 10)?),
        event: EventId(get_wide(row, 11)?),
        at: TimeMs(row.try_get(12)?),
    })
}
