use schemas::{
    catalog::{CompanyRow, CredentialKind, KeyRow, LinkRow},
    code::Code,
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    time::TimeMs,
};
use tokio_postgres::Row;

use crate::{
    StoreError,
    catalog::{CompanyStatus, PayoutSchedule},
    postgres::row::{get_bytes, get_id, unreadable},
};

pub(super) const COMPANY_COLUMNS: &str = "id, program, domain, status";

pub(super) fn company_row(row: &Row) -> Result<CompanyRow, StoreError> {
    Ok(CompanyRow {
        id: CompanyId(get_id(row, 0)?),
        program: ProgramId(get_id(row, 1)?),
        domain: row.try_get(2)?,
        paused: status(row, 3)? == CompanyStatus::Paused,
    })
}

pub(super) const KEY_COLUMNS: &str = "id, company, kind, digest, revoked_at";

pub(super) fn key_row(row: &Row) -> Result<KeyRow, StoreError> {
    let kind = match row.try_get::<_, i16>(2)? {
        1 => CredentialKind::Secret,
        2 => CredentialKind::Publishable,
        3 => CredentialKind::Postback,
        _ => return Err(unreadable(row, 2, "no kind of credential")),
    };
    Ok(KeyRow {
        id: KeyId(get_id(row, 0)?),
        company: CompanyId(get_id(row, 1)?),
        kind,
        digest: get_bytes(row, 3)?,
        revoked_at: row.try_get::<_, Option<i64>>(4)?.map(TimeMs),
    })
}

pub(super) const LINK_COLUMNS: &str = "id, code, company, program, partner, destination";

pub(super) fn link_row(row: &Row) -> Result<LinkRow, StoreError> {
    Ok(LinkRow {
        id: LinkId(get_id(row, 0)?),
        code: Code::parse(row.try_get(1)?).map_err(|_| unreadable(row, 1, "no code"))?,
        company: CompanyId(get_id(row, 2)?),
        program: ProgramId(get_id(row, 3)?),
        partner: PartnerId(get_id(row, 4)?),
        destination: row.try_get(5)?,
    })
}

pub(super) fn status(row: &Row, column: usize) -> Result<CompanyStatus, StoreError> {
    match row.try_get(column)? {
        "active" => Ok(CompanyStatus::Active),
        "paused" => Ok(CompanyStatus::Paused),
        _ => Err(unreadable(row, column, "no status of a company")),
    }
}

pub(super) fn payout_schedule(row: &Row, column: usize) -> Result<PayoutSchedule, StoreError> {
    PayoutSchedule::parse(row.try_get(column)?).ok_or_else(|| unreadable(row, column, "no payout schedule"))
}
