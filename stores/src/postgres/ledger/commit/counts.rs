//! What adds up, a row for each partition: outcomes, sales of links, values of sales, counts and totals of conversions.

use std::collections::BTreeMap;

use rules::known::{LinkSales, RECENT_VALUES};
use schemas::{
    decision::{EventKind, Outcome},
    ids::{CompanyId, LinkId, PartnerId},
    money::Currency,
    time::{Day, TimeMs},
};

use crate::{
    StoreError,
    ledger::sums::{Counted, Sums},
    postgres::ledger::{
        ask::{Ask, Told, column, one},
        columns::{get_code, get_currency, get_id, get_id_or_none, get_review, get_settlement, int, small},
    },
};

/// Bytes of a value: its time and its amount.
const VALUE_BYTES: i32 = 16;

pub(super) fn outcomes(partition: u32, outcomes: &BTreeMap<(CompanyId, Day, EventKind, Outcome), i64>) -> Ask {
    let all: Vec<_> = outcomes.iter().collect();
    Ask::count(
        "INSERT INTO ledger.outcomes AS o (partition, company, day, kind, outcome, n)
         SELECT $1::integer, * FROM unnest($2::bigint[], $3::integer[], $4::smallint[], $5::smallint[], $6::bigint[])
         ON CONFLICT (company, day, kind, outcome, partition) DO UPDATE SET n = o.n + excluded.n",
        vec![
            one(small(partition)),
            column(&all, |((company, ..), _)| int(company.0)),
            column(&all, |((_, day, ..), _)| day.0),
            column(&all, |((_, _, kind, _), _)| i16::from(*kind as u8)),
            column(&all, |((.., outcome), _)| i16::from(*outcome as u8)),
            column(&all, |(_, n)| **n),
        ],
    )
}

pub(super) fn values(partition: u32, appended_at: TimeMs, values: &BTreeMap<(CompanyId, Currency), Vec<i64>>) -> Ask {
    let all: Vec<_> = values.iter().collect();
    let packed = |values: &Vec<i64>| -> Vec<u8> {
        let newest = &values[values.len().saturating_sub(RECENT_VALUES)..];
        newest.iter().flat_map(|amount| [appended_at.0, *amount]).flat_map(i64::to_be_bytes).collect()
    };
    Ask::count(
        "INSERT INTO ledger.recent_values AS v (partition, company, currency, recent)
         SELECT $1::integer, * FROM unnest($3::bigint[], $4::text[], $5::bytea[])
         ON CONFLICT (company, currency, partition) DO UPDATE SET
             recent = substring(v.recent || excluded.recent FROM greatest(1, length(v.recent) + length(excluded.recent) - $2 + 1))",
        vec![
            one(small(partition)),
            one(VALUE_BYTES * RECENT_VALUES as i32),
            column(&all, |((company, _), _)| int(company.0)),
            column(&all, |((_, currency), _)| currency.code()),
            column(&all, |(_, values)| packed(values)),
        ],
    )
}

/// Says which hours it began.
pub(super) fn link_sales(partition: u32, sales: &BTreeMap<(LinkId, i64), i64>) -> Ask {
    let all: Vec<_> = sales.iter().collect();
    Ask::count(
        "INSERT INTO ledger.link_sales AS s (partition, link, bucket, n)
         SELECT $1::integer, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[])
         ON CONFLICT (link, bucket, partition) DO UPDATE SET n = s.n + excluded.n RETURNING s.link, s.bucket, s.xmax = 0 AS is_new",
        vec![
            one(small(partition)),
            column(&all, |((link, _), _)| int(link.0)),
            column(&all, |((_, bucket), _)| *bucket),
            column(&all, |(_, n)| **n),
        ],
    )
}

/// As another hour of a link begins, those too old to be looked at go: once an hour and not with each batch.
pub(super) fn pruned(partition: u32) -> Ask {
    Ask::count(
        "DELETE FROM ledger.link_sales s
         USING (SELECT link, max(bucket) - $2::bigint AS first FROM link_sales WHERE is_new GROUP BY link) kept
         WHERE s.link = kept.link AND s.bucket < kept.first AND s.partition = $1",
        vec![one(small(partition)), one(LinkSales::KEPT)],
    )
}

pub(super) const BEFORE: &str =
    "SELECT company, kind, house_status, partner, currency, standing, review, settlement, commission_minor, partner_minor
     FROM ledger.conversions WHERE id = ANY($1)";

/// What conversions counted for before they are put.
pub(super) fn before(told: Told) -> Result<Sums, StoreError> {
    let mut sums = Sums::default();
    for row in told.rows() {
        let counted = Counted {
            company: CompanyId(get_id(&row, 0)?),
            kind: get_code(&row, 1)?,
            house_status: get_code(&row, 2)?,
            partner: get_id_or_none(&row, 3)?.map(PartnerId),
            currency: get_currency(&row, 4)?,
            attributed: get_code(&row, 5)? == 1,
            review: get_review(&row, 6)?,
            settlement: get_settlement(&row, 7)?,
            commission_minor: row.try_get(8)?,
            partner_minor: row.try_get(9)?,
        };
        sums.add(counted, -1);
    }
    Ok(sums)
}

pub(super) fn statuses(partition: u32, sums: &Sums) -> Ask {
    let all: Vec<_> = sums.statuses.iter().collect();
    Ask::count(
        "INSERT INTO ledger.status_counts AS s (partition, company, kind, house_status, n)
         SELECT $1::integer, * FROM unnest($2::bigint[], $3::smallint[], $4::smallint[], $5::bigint[])
         ON CONFLICT (company, kind, house_status, partition) DO UPDATE SET n = s.n + excluded.n",
        vec![
            one(small(partition)),
            column(&all, |((company, ..), _)| int(company.0)),
            column(&all, |((_, kind, _), _)| i16::from(*kind)),
            column(&all, |((.., status), _)| i16::from(*status)),
            column(&all, |(_, n)| **n),
        ],
    )
}

pub(super) fn totals(partition: u32, sums: &Sums) -> Ask {
    let all: Vec<_> = sums.totals.iter().collect();
    let amounts = |which: usize| column(&all, move |(_, totals)| totals[which]);
    Ask::count(
        "INSERT INTO ledger.partner_totals AS t (partition, partner, company, currency, conversions, commission_minor,
                                                 approved_commission_minor, partner_minor, partner_approved_minor, partner_unpaid_minor)
         SELECT $1::integer, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
                                  $9::bigint[], $10::bigint[])
         ON CONFLICT (partner, company, currency, partition) DO UPDATE SET conversions = t.conversions + excluded.conversions,
             commission_minor = t.commission_minor + excluded.commission_minor,
             approved_commission_minor = t.approved_commission_minor + excluded.approved_commission_minor,
             partner_minor = t.partner_minor + excluded.partner_minor,
             partner_approved_minor = t.partner_approved_minor + excluded.partner_approved_minor,
             partner_unpaid_minor = t.partner_unpaid_minor + excluded.partner_unpaid_minor",
        vec![
            one(small(partition)),
            column(&all, |((partner, ..), _)| int(partner.0)),
            column(&all, |((_, company, _), _)| int(company.0)),
            column(&all, |((.., currency), _)| currency.code()),
            amounts(0),
            amounts(1),
            amounts(2),
            amounts(3),
            amounts(4),
            amounts(5),
        ],
    )
}
