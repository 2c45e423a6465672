use schemas::{
    facts::ConversionChange,
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    time::TimeMs,
};
use tokio_postgres::Row;

use super::{
    ask::{Ask, one},
    columns::{
        bound, get_currency, get_event_kind, get_id, get_id_or_none, get_outcome, get_small, get_wide, row_limit, small,
    },
    session::Session,
};
use crate::{
    StoreError,
    ledger::{Decided, Quarantined},
};

pub(super) async fn decided(session: Session, partition: u32, from: u64, to: u64) -> Result<Decided, StoreError> {
    let params = || vec![one(small(partition)), one(bound(from)), one(bound(to))];
    let changes = Ask::rows(
        "SELECT partition, \"offset\", event, kind, conversion, company, program, partner, link, currency, at_ms, changed_at_ms,
                conversions, revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor
         FROM ledger.changes WHERE partition = $1 AND \"offset\" >= $2 AND \"offset\" < $3 AND batch_from < $3 AND batch_from >= coalesce(
             (SELECT max(batch_from) FROM ledger.batch_changes WHERE partition = $1 AND batch_from <= $2), 0)
         ORDER BY \"offset\", seq",
        params(),
    );
    let exceptions = Ask::rows(
        "SELECT \"offset\", outcome, outcome IS NULL FROM ledger.click_exceptions
         WHERE partition = $1 AND \"offset\" >= $2 AND \"offset\" < $3",
        params(),
    );
    let mut told = session.read_snapshot(&[changes, exceptions]).await?.into_iter();
    let mut rows = || told.next().map(|told| told.rows()).unwrap_or_default();
    let mut decided = Decided::default();
    for row in rows() {
        let change = read_change(&row)?;
        decided.changes.entry(change.position.offset).or_default().push(change);
    }
    for row in rows() {
        let copy: bool = row.try_get(2)?;
        let outcome = if copy { None } else { Some(get_outcome(&row, 1)?) };
        decided.click_exceptions.insert(get_id(&row, 0)?, outcome);
    }
    Ok(decided)
}

pub(super) async fn quarantined(
    session: Session,
    partition: u32,
    limit: usize,
) -> Result<Vec<Quarantined>, StoreError> {
    let ask = Ask::rows(
        "SELECT \"offset\", reason, record FROM ledger.quarantine WHERE partition = $1 ORDER BY \"offset\" LIMIT $2",
        vec![one(small(partition)), one(row_limit(limit))],
    );
    let rows = session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows());
    rows.map(|row| Ok(Quarantined { offset: get_id(&row, 0)?, reason: row.try_get(1)?, record: row.try_get(2)? }))
        .collect()
}

fn read_change(row: &Row) -> Result<ConversionChange, StoreError> {
    Ok(ConversionChange {
        position: Position { partition: get_small(row, 0)?, offset: get_id(row, 1)? },
        event: EventId(get_wide(row, 2)?),
        kind: get_event_kind(row, 3)?,
        conversion: ConversionId(get_wide(row, 4)?),
        company: CompanyId(get_id(row, 5)?),
        program: get_id_or_none(row, 6)?.map(ProgramId),
        partner: get_id_or_none(row, 7)?.map(PartnerId),
        link: get_id_or_none(row, 8)?.map(LinkId),
        currency: get_currency(row, 9)?,
        at: TimeMs(row.try_get(10)?),
        changed_at: TimeMs(row.try_get(11)?),
        conversions: row.try_get(12)?,
        revenue_minor: row.try_get(13)?,
        commission_minor: row.try_get(14)?,
        approved_minor: row.try_get(15)?,
        partner_minor: row.try_get(16)?,
        partner_approved_minor: row.try_get(17)?,
    })
}
