use schemas::{
    conversion::HouseStatus,
    hashes::KeyKind,
    ids::{CompanyId, PartnerId},
    time::Day,
};
use tokio_postgres::Row;

use super::{
    ask::{Ask, one},
    columns::{get_code, get_currency, get_event_kind, get_id, get_outcome, int},
    conversion_row::{self, columns},
    session::Session,
};
use crate::{
    StoreError,
    ledger::{ConversionsPage, ListedStatus, OutcomeCount, PageOf, PartnerTotals, StatusCounts, codes::key_kind_code},
};

pub(super) async fn conversions_page(
    session: Session,
    company: CompanyId,
    kind: KeyKind,
    status: ListedStatus,
    page: PageOf,
) -> Result<ConversionsPage, StoreError> {
    let of_kind = || vec![one(int(company.0)), one(i16::from(key_kind_code(kind)))];
    let counts = Ask::rows(
        "SELECT house_status, sum(n)::bigint FROM ledger.status_counts WHERE company = $1 AND kind = $2 GROUP BY house_status",
        of_kind(),
    );
    let mut params = of_kind();
    let skipped = i64::from(page.page.saturating_sub(1)) * i64::from(page.per_page);
    params.extend([one(i64::from(page.per_page)), one(skipped)]);
    let listed = match status {
        ListedStatus::Any => Ask::rows(PAGE_OF_ANY, params),
        ListedStatus::Only(status) => {
            params.push(one(i16::from(status as u8)));
            Ask::rows(PAGE_OF_ONE, params)
        }
    };
    let mut told = session.read_snapshot(&[counts, listed]).await?.into_iter();
    let mut rows = || told.next().map(|told| told.rows()).unwrap_or_default();
    let (counts, listed) = (status_counts(&rows())?, rows());
    let conversions = listed.iter().map(conversion_row::read).collect::<Result<_, _>>()?;
    Ok(ConversionsPage { conversions, total: counts.of(status), counts })
}

/// Each status is read in order from the one index, as far as the page reaches.
const PAGE_OF_ANY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ledger.conversions WHERE id IN (SELECT id FROM (
         (SELECT taken_at_ms, id FROM ledger.conversions WHERE company = $1 AND kind = $2 AND house_status = 1
          ORDER BY taken_at_ms DESC, id DESC LIMIT $3::bigint + $4::bigint)
         UNION ALL
         (SELECT taken_at_ms, id FROM ledger.conversions WHERE company = $1 AND kind = $2 AND house_status = 2
          ORDER BY taken_at_ms DESC, id DESC LIMIT $3::bigint + $4::bigint)
         UNION ALL
         (SELECT taken_at_ms, id FROM ledger.conversions WHERE company = $1 AND kind = $2 AND house_status = 3
          ORDER BY taken_at_ms DESC, id DESC LIMIT $3::bigint + $4::bigint)) listed
         ORDER BY taken_at_ms DESC, id DESC LIMIT $3::bigint OFFSET $4::bigint)
     ORDER BY taken_at_ms DESC, id DESC"
);

const PAGE_OF_ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ledger.conversions WHERE id IN (SELECT id FROM ledger.conversions
         WHERE company = $1 AND kind = $2 AND house_status = $5 ORDER BY taken_at_ms DESC, id DESC LIMIT $3::bigint OFFSET $4::bigint)
     ORDER BY taken_at_ms DESC, id DESC"
);

fn status_counts(rows: &[Row]) -> Result<StatusCounts, StoreError> {
    let mut counts = StatusCounts::default();
    for row in rows {
        let n = get_id(row, 1)?;
        match get_code(row, 0)? {
            0 => counts.processing = n,
            code if code == HouseStatus::Pending as u8 => counts.pending = n,
            code if code == HouseStatus::Approved as u8 => counts.approved = n,
            _ => counts.rejected = n,
        }
    }
    Ok(counts)
}

macro_rules! totals_where {
    ($which:literal) => {
        concat!(
            "SELECT partner, company, currency, sum(conversions)::bigint, sum(commission_minor)::bigint, \
             sum(approved_commission_minor)::bigint, sum(partner_minor)::bigint, sum(partner_approved_minor)::bigint, \
             sum(partner_unpaid_minor)::bigint FROM ledger.partner_totals WHERE ",
            $which
        )
    };
}

pub(super) async fn partner_totals(session: Session, partner: PartnerId) -> Result<Vec<PartnerTotals>, StoreError> {
    const OF_PARTNER: &str =
        totals_where!("partner = $1 GROUP BY partner, company, currency ORDER BY company, currency");
    totals(session, Ask::rows(OF_PARTNER, vec![one(int(partner.0))])).await
}

pub(super) async fn totals_of_company(session: Session, company: CompanyId) -> Result<Vec<PartnerTotals>, StoreError> {
    const OF_COMPANY: &str =
        totals_where!("company = $1 GROUP BY partner, company, currency ORDER BY partner, currency");
    totals(session, Ask::rows(OF_COMPANY, vec![one(int(company.0))])).await
}

async fn totals(session: Session, ask: Ask) -> Result<Vec<PartnerTotals>, StoreError> {
    session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows()).map(|row| read_totals(&row)).collect()
}

fn read_totals(row: &Row) -> Result<PartnerTotals, StoreError> {
    Ok(PartnerTotals {
        partner: PartnerId(get_id(row, 0)?),
        company: CompanyId(get_id(row, 1)?),
        currency: get_currency(row, 2)?,
        conversions: row.try_get(3)?,
        commission_minor: row.try_get(4)?,
        approved_commission_minor: row.try_get(5)?,
        partner_minor: row.try_get(6)?,
        partner_approved_minor: row.try_get(7)?,
        partner_unpaid_minor: row.try_get(8)?,
    })
}

pub(super) async fn outcomes(
    session: Session,
    company: CompanyId,
    from: Day,
    to: Day,
) -> Result<Vec<OutcomeCount>, StoreError> {
    let ask = Ask::rows(
        "SELECT day, kind, outcome, sum(n)::bigint FROM ledger.outcomes WHERE company = $1 AND day BETWEEN $2 AND $3
         GROUP BY day, kind, outcome ORDER BY day, kind, outcome",
        vec![one(int(company.0)), one(from.0), one(to.0)],
    );
    let rows = session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows());
    rows.map(|row| {
        Ok(OutcomeCount {
            day: Day(row.try_get(0)?),
            kind: get_event_kind(&row, 1)?,
            outcome: get_outcome(&row, 2)?,
            n: row.try_get(3)?,
        })
    })
    .collect()
}
