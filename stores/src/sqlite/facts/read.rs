use rusqlite::{Row, Transaction, params};
use schemas::{
    decision::{EventKind, Outcome},
    facts::{ClickFact, ConversionChange, Fact},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    time::{Day, TimeMs},
    web::{Device, Page, Utm},
};

use super::{SqliteFacts, clicks::receipt, company::currency, rows::row_ids};
use crate::{
    StoreError,
    facts::{Checksum, position},
    sqlite::row::{get_id, get_id_or_none, get_text, get_text_or_none, get_wide, int, unreadable},
};

const CLICKS: &str = "SELECT company, at, partition, log_offset, event, program, partner, link, outcome, receipt, landing_host, \
                      landing_path, referrer_host, utm_source, utm_medium, utm_campaign, device FROM clicks \
                      WHERE id >= ?1 AND id < ?2";
const CHANGES: &str = "SELECT company, at, partition, log_offset, conversion, event, kind, program, partner, link, currency, changed_at, \
                       conversions, revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor \
                       FROM conversion_changes WHERE partition = ?1 AND log_offset >= ?2 AND log_offset < ?3";

/// Company, day, name and numbers of each sum that is not nothing.
const SUMS: [(&str, &str, usize); 4] = [
    (
        "clicks_by_day",
        "SELECT company, day, '', partner, link, clicks, bots FROM clicks_by_day WHERE clicks <> 0 OR bots <> 0",
        4,
    ),
    ("sources_by_day", "SELECT company, day, source, clicks FROM sources_by_day WHERE clicks <> 0", 1),
    ("pages_by_day", "SELECT company, day, path, clicks FROM pages_by_day WHERE clicks <> 0", 1),
    (
        "sales_by_day",
        "SELECT company, day, currency, partner, link, conversions, revenue_minor, commission_minor, approved_minor, partner_minor, \
         partner_approved_minor FROM sales_by_day WHERE conversions <> 0 OR revenue_minor <> 0 OR commission_minor <> 0 \
         OR approved_minor <> 0 OR partner_minor <> 0 OR partner_approved_minor <> 0",
        8,
    ),
];

/// Where a sum's first two numbers are ids.
const IDS_OF_A_SUM: usize = 2;

impl SqliteFacts {
    pub(crate) async fn read(&self, partition: u32, from: u64, to: u64) -> Result<Vec<Fact>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut facts = Vec::new();
            each(transaction, partition, from, to, |fact| {
                facts.push(fact);
                Ok(())
            })?;
            facts.sort_by_key(position);
            Ok(facts)
        };
        self.readers.read(read).await
    }

    /// Sums are not kept by partition here, where there is one.
    pub(crate) async fn checksum(&self, partition: u32) -> Result<Checksum, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut checksum = Checksum::default();
            each(transaction, partition, 0, u64::MAX, |fact| {
                checksum.add_fact(&fact);
                Ok(())
            })?;
            for (table, select, numbers) in SUMS {
                let mut select = transaction.prepare_cached(select)?;
                let mut rows = select.query([])?;
                while let Some(row) = rows.next()? {
                    add_sum(&mut checksum, table, row, numbers)?;
                }
            }
            Ok(checksum)
        };
        self.readers.read(read).await
    }
}

/// Each fact of a stretch, in no order.
pub(super) fn each(
    transaction: &Transaction<'_>,
    partition: u32,
    from: u64,
    to: u64,
    mut take: impl FnMut(Fact) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let ids = row_ids(partition, from, to);
    let mut clicks = transaction.prepare_cached(CLICKS)?;
    let mut rows = clicks.query([ids.start, ids.end])?;
    while let Some(row) = rows.next()? {
        take(Fact::Click(Box::new(click(row)?)))?;
    }
    let to = i64::try_from(to).unwrap_or(i64::MAX);
    let mut changes = transaction.prepare_cached(CHANGES)?;
    let mut rows = changes.query(params![partition, int(from), to])?;
    while let Some(row) = rows.next()? {
        take(Fact::Change(Box::new(change(row)?)))?;
    }
    Ok(())
}

fn click(row: &Row<'_>) -> rusqlite::Result<ClickFact> {
    let outcome: u8 = row.get(8)?;
    Ok(ClickFact {
        company: CompanyId(get_id(row, 0)?),
        at: TimeMs(row.get(1)?),
        position: Position { partition: row.get(2)?, offset: get_id(row, 3)? },
        event: EventId(get_wide(row, 4)?),
        program: ProgramId(get_id(row, 5)?),
        partner: PartnerId(get_id(row, 6)?),
        link: LinkId(get_id(row, 7)?),
        outcome: Outcome::ALL
            .into_iter()
            .find(|known| *known as u8 == outcome)
            .ok_or_else(|| unreadable(8, "no outcome"))?,
        receipt: receipt(row, 9)?,
        landing: Page { host: get_text(row, 10)?, path: get_text(row, 11)? },
        referrer_host: get_text_or_none(row, 12)?,
        utm: Utm {
            source: get_text_or_none(row, 13)?,
            medium: get_text_or_none(row, 14)?,
            campaign: get_text_or_none(row, 15)?,
        },
        device: Device::parse(row.get_ref(16)?.as_str()?).ok_or_else(|| unreadable(16, "no class of device"))?,
    })
}

fn change(row: &Row<'_>) -> rusqlite::Result<ConversionChange> {
    let kind: u8 = row.get(6)?;
    Ok(ConversionChange {
        company: CompanyId(get_id(row, 0)?),
        at: TimeMs(row.get(1)?),
        position: Position { partition: row.get(2)?, offset: get_id(row, 3)? },
        conversion: ConversionId(get_wide(row, 4)?),
        event: EventId(get_wide(row, 5)?),
        kind: EventKind::ALL
            .into_iter()
            .find(|known| *known as u8 == kind)
            .ok_or_else(|| unreadable(6, "no kind of event"))?,
        program: get_id_or_none(row, 7)?.map(ProgramId),
        partner: get_id_or_none(row, 8)?.map(PartnerId),
        link: get_id_or_none(row, 9)?.map(LinkId),
        currency: currency(row, 10)?,
        changed_at: TimeMs(row.get(11)?),
        conversions: row.get(12)?,
        revenue_minor: row.get(13)?,
        commission_minor: row.get(14)?,
        approved_minor: row.get(15)?,
        partner_minor: row.get(16)?,
        partner_approved_minor: row.get(17)?,
    })
}

fn add_sum(checksum: &mut Checksum, table: &str, row: &Row<'_>, count: usize) -> rusqlite::Result<()> {
    let mut numbers = Vec::with_capacity(count);
    for place in 0..count {
        let column = 3 + place;
        let is_id = count > IDS_OF_A_SUM && place < IDS_OF_A_SUM;
        numbers.push(if is_id { get_id(row, column)?.into() } else { row.get::<_, i64>(column)?.into() });
    }
    checksum.add_sum(table, get_id(row, 0)?, Day(row.get(1)?), row.get_ref(2)?.as_str()?, &numbers);
    Ok(())
}
