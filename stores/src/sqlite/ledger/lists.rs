use rusqlite::{Connection, Params, Row, Transaction};
use schemas::{
    conversion::{Conversion, HouseStatus},
    hashes::KeyKind,
    ids::{CompanyId, PartnerId},
    time::Day,
};

use super::{
    columns::{get_currency, get_event_kind, get_outcome, key_kind_code},
    conversion_row,
};
use crate::{
    StoreError,
    ledger::{ConversionsPage, ListedStatus, OutcomeCount, PageOf, PartnerTotals, StatusCounts},
    sqlite::row::{get_id, int},
};

pub(super) fn conversions_page(
    connection: &mut Connection,
    company: CompanyId,
    kind: KeyKind,
    status: ListedStatus,
    page: PageOf,
) -> Result<ConversionsPage, StoreError> {
    let transaction = connection.transaction()?;
    let counts = status_counts(&transaction, company, kind)?;
    let conversions = page_of_conversions(&transaction, company, kind, status, page)?;
    Ok(ConversionsPage { conversions, total: counts.of(status), counts })
}

fn status_counts(transaction: &Transaction<'_>, company: CompanyId, kind: KeyKind) -> rusqlite::Result<StatusCounts> {
    let mut statement =
        transaction.prepare_cached("SELECT house_status, n FROM status_counts WHERE company = ?1 AND kind = ?2")?;
    let mut rows = statement.query((int(company.0), key_kind_code(kind)))?;
    let mut counts = StatusCounts::default();
    while let Some(row) = rows.next()? {
        let n = get_id(row, 1)?;
        match row.get::<_, u8>(0)? {
            0 => counts.processing = n,
            code if code == HouseStatus::Pending as u8 => counts.pending = n,
            code if code == HouseStatus::Approved as u8 => counts.approved = n,
            _ => counts.rejected = n,
        }
    }
    Ok(counts)
}

/// Each status is read in order from the one index, as far as the page reaches.
fn page_of_conversions(
    transaction: &Transaction<'_>,
    company: CompanyId,
    kind: KeyKind,
    status: ListedStatus,
    PageOf { page, per_page }: PageOf,
) -> rusqlite::Result<Vec<Conversion>> {
    let branch = |status: HouseStatus| {
        let code = status as u8;
        format!(
            "SELECT * FROM (SELECT number AS place, taken_at_ms, id FROM conversions
             WHERE company = ?1 AND kind = ?2 AND house_status = {code} AND ?3 IN (0, {code})
             ORDER BY taken_at_ms DESC, id DESC LIMIT ?4 + ?5)"
        )
    };
    let sql = format!(
        "SELECT {} FROM (SELECT place FROM ({}) ORDER BY taken_at_ms DESC, id DESC LIMIT ?4 OFFSET ?5)
         JOIN conversions c ON c.number = place ORDER BY c.taken_at_ms DESC, c.id DESC",
        conversion_row::COLUMNS,
        HouseStatus::ALL.map(branch).join(" UNION ALL ")
    );
    let only = match status {
        ListedStatus::Any => 0,
        ListedStatus::Only(status) => status as u8,
    };
    let skipped = i64::from(page.saturating_sub(1)) * i64::from(per_page);
    let mut statement = transaction.prepare_cached(&sql)?;
    let rows =
        statement.query_map((int(company.0), key_kind_code(kind), only, per_page, skipped), conversion_row::read)?;
    rows.collect()
}

pub(super) fn partner_totals(connection: &Connection, partner: PartnerId) -> Result<Vec<PartnerTotals>, StoreError> {
    totals(connection, "partner = ?1 ORDER BY company, currency", [int(partner.0)])
}

pub(super) fn totals_of_company(connection: &Connection, company: CompanyId) -> Result<Vec<PartnerTotals>, StoreError> {
    totals(connection, "company = ?1 ORDER BY partner, currency", [int(company.0)])
}

fn totals(connection: &Connection, which: &str, params: impl Params) -> Result<Vec<PartnerTotals>, StoreError> {
    let sql = format!(
        "SELECT partner, company, currency, conversions, commission_minor, approved_commission_minor, partner_minor,
                partner_approved_minor, partner_unpaid_minor
         FROM partner_totals WHERE {which}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params, read_totals)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read_totals(row: &Row<'_>) -> rusqlite::Result<PartnerTotals> {
    Ok(PartnerTotals {
        partner: PartnerId(get_id(row, 0)?),
        company: CompanyId(get_id(row, 1)?),
        currency: get_currency(row, 2)?,
        conversions: row.get(3)?,
        commission_minor: row.get(4)?,
        approved_commission_minor: row.get(5)?,
        partner_minor: row.get(6)?,
        partner_approved_minor: row.get(7)?,
        partner_unpaid_minor: row.get(8)?,
    })
}

pub(super) fn outcomes(
    connection: &Connection,
    company: CompanyId,
    from: Day,
    to: Day,
) -> Result<Vec<OutcomeCount>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT day, kind, outcome, n FROM outcomes WHERE company = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, kind, outcome")?;
    let counts = statement.query_map((int(company.0), from.0, to.0), |row| {
        Ok(OutcomeCount {
            day: Day(row.get(0)?),
            kind: get_event_kind(row, 1)?,
            outcome: get_outcome(row, 2)?,
            n: row.get(3)?,
        })
    })?;
    Ok(counts.collect::<rusqlite::Result<_>>()?)
}
