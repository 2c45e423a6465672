use rusqlite::Row;
use schemas::{
    catalog::{CompanyRow, CredentialKind, KeyRow, LinkRow},
    code::Code,
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    time::TimeMs,
};

use crate::{
    catalog::{CompanyStatus, PayoutSchedule},
    sqlite::row::{get_id, unreadable},
};

pub(super) const COMPANY_COLUMNS: &str = "id, program, domain, status";

pub(super) fn company_row(row: &Row<'_>) -> rusqlite::Result<CompanyRow> {
    Ok(CompanyRow {
        id: CompanyId(get_id(row, 0)?),
        program: ProgramId(get_id(row, 1)?),
        domain: row.get(2)?,
        paused: status(row, 3)? == CompanyStatus::Paused,
    })
}

pub(super) const KEY_COLUMNS: &str = "id, company, kind, digest, revoked_at";

pub(super) fn key_row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let kind = match row.get(2)? {
        1 => CredentialKind::Secret,
        2 => CredentialKind::Publishable,
        3 => CredentialKind::Postback,
        _ => return Err(unreadable(2, "no kind of credential")),
    };
    Ok(KeyRow {
        id: KeyId(get_id(row, 0)?),
        company: CompanyId(get_id(row, 1)?),
        kind,
        digest: row.get(3)?,
        revoked_at: row.get::<_, Option<i64>>(4)?.map(TimeMs),
    })
}

pub(super) const LINK_COLUMNS: &str = "id, code, company, program, partner, destination";

pub(super) fn link_row(row: &Row<'_>) -> rusqlite::Result<LinkRow> {
    Ok(LinkRow {
        id: LinkId(get_id(row, 0)?),
        code: Code::parse(row.get_ref(1)?.as_str()?).map_err(|_| unreadable(1, "no code"))?,
        company: CompanyId(get_id(row, 2)?),
        program: ProgramId(get_id(row, 3)?),
        partner: PartnerId(get_id(row, 4)?),
        destination: row.get(5)?,
    })
}

pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<CompanyStatus> {
    match row.get_ref(column)?.as_str()? {
        "active" => Ok(CompanyStatus::Active),
        "paused" => Ok(CompanyStatus::Paused),
        _ => Err(unreadable(column, "no status of a company")),
    }
}

pub(super) fn payout_schedule(row: &Row<'_>, column: usize) -> rusqlite::Result<PayoutSchedule> {
    PayoutSchedule::parse(row.get_ref(column)?.as_str()?).ok_or_else(|| unreadable(column, "no payout schedule"))
}
