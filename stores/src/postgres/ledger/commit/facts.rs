//! What facts are made again from, refunds, clicks that customers used, replies and quarantine.

use rules::known::ClickName;
use schemas::{conversion::RefundApplied, decision::Outcome, facts::ConversionChange};

use super::{folded::Folded, steps::Steps};
use crate::{
    ledger::Quarantined,
    postgres::ledger::{
        ask::{Ask, Param, column, one},
        columns::{Wide, bound, int, small, text},
    },
};

macro_rules! insert_clicks {
    ($then:literal) => {
        concat!(
            "INSERT INTO ledger.click_customers (link, event_id_hash, customer) \
             SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::uuid[]) ",
            $then
        )
    };
}

pub(super) fn write(steps: &mut Steps, partition: u32, folded: &Folded, quarantined: &[Quarantined]) {
    if !folded.exceptions.is_empty() {
        let all = &folded.exceptions;
        steps.push(Ask::count(
            "INSERT INTO ledger.click_exceptions (partition, \"offset\", outcome)
             SELECT unnest($1::integer[]), unnest($2::bigint[]), unnest($3::smallint[])",
            vec![
                column(all, |(position, _)| small(position.partition)),
                column(all, |(position, _)| int(position.offset)),
                column(all, |(_, outcome): &(_, Option<Outcome>)| outcome.map(|outcome| i16::from(outcome as u8))),
            ],
        ));
    }
    if !folded.refunds.is_empty() {
        steps.push(refunds(&folded.refunds));
    }
    if !quarantined.is_empty() {
        steps.push(Ask::count(
            "INSERT INTO ledger.quarantine (partition, \"offset\", reason, record)
             SELECT $1::integer, * FROM unnest($2::bigint[], $3::text[], $4::bytea[])",
            vec![
                one(small(partition)),
                column(quarantined, |record| int(record.offset)),
                column(quarantined, |record| text(&record.reason)),
                column(quarantined, |record| record.record.clone()),
            ],
        ));
    }
}

/// Clicks that customers have used, maybe before too.
pub(super) fn clicks(clicks: &[(ClickName, u128)]) -> Ask {
    Ask::count(insert_clicks!("ON CONFLICT DO NOTHING"), click_columns(clicks))
}

/// Those of customers whom nobody knew.
pub(super) fn first_clicks(clicks: &[(ClickName, u128)]) -> Ask {
    Ask::count(insert_clicks!(""), click_columns(clicks))
}

fn click_columns(clicks: &[(ClickName, u128)]) -> Vec<Param> {
    vec![
        column(clicks, |(click, _)| int(click.link.0)),
        column(clicks, |(click, _)| int(click.event_id_hash)),
        column(clicks, |(_, customer)| Wide(*customer)),
    ]
}

pub(super) fn replies(partition: u32, batch_from: u64, all: &[(Option<u32>, Vec<u8>)]) -> Ask {
    Ask::count(
        "INSERT INTO ledger.replies (partition, batch_from, reply_to, records)
         SELECT $1::integer, $2::bigint, $3::bigint[], $4::bytea[] WHERE cardinality($3::bigint[]) > 0",
        vec![
            one(small(partition)),
            one(bound(batch_from)),
            column(all, |(reply_to, _)| reply_to.map(i64::from)),
            column(all, |(_, record)| record.clone()),
        ],
    )
}

/// In one row, as all of a batch are read together.
pub(super) fn changes(partition: u32, batch_from: u64, all: &[ConversionChange]) -> Ask {
    Ask::count(
        "INSERT INTO ledger.batch_changes (partition, batch_from, offsets, events, kinds, conversion_ids, companies, programs, partners,
                                           links, currencies, at_ms, changed_at_ms, conversions, revenue_minor, commission_minor,
                                           approved_minor, partner_minor, partner_approved_minor)
         SELECT $1::integer, $2::bigint, $3::bigint[], $4::uuid[], $5::smallint[], $6::uuid[], $7::bigint[], $8::bigint[], $9::bigint[],
                $10::bigint[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[],
                $18::bigint[], $19::bigint[] WHERE cardinality($3::bigint[]) > 0",
        vec![
            one(small(partition)),
            one(bound(batch_from)),
            column(all, |c| int(c.position.offset)),
            column(all, |c| Wide(c.event.0)),
            column(all, |c| i16::from(c.kind as u8)),
            column(all, |c| Wide(c.conversion.0)),
            column(all, |c| int(c.company.0)),
            column(all, |c| c.program.map(|program| int(program.0))),
            column(all, |c| c.partner.map(|partner| int(partner.0))),
            column(all, |c| c.link.map(|link| int(link.0))),
            column(all, |c| c.currency.code()),
            column(all, |c| c.at.0),
            column(all, |c| c.changed_at.0),
            column(all, |c| c.conversions),
            column(all, |c| c.revenue_minor),
            column(all, |c| c.commission_minor),
            column(all, |c| c.approved_minor),
            column(all, |c| c.partner_minor),
            column(all, |c| c.partner_approved_minor),
        ],
    )
}

fn refunds(all: &[RefundApplied]) -> Ask {
    Ask::count(
        "INSERT INTO ledger.refunds (conversion, id, company, event, label, amount_minor, refunded_minor, commission_minor,
                                     partner_minor, reason, at_ms)
         SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::bigint[]), unnest($4::uuid[]), unnest($5::text[]),
         unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::text[]),
         unnest($11::bigint[])",
        vec![
            column(all, |r| Wide(r.conversion.0)),
            column(all, |r| Wide(r.id.0)),
            column(all, |r| int(r.company.0)),
            column(all, |r| Wide(r.event.0)),
            column(all, |r| text(&r.label)),
            column(all, |r| r.amount_minor),
            column(all, |r| r.refunded_minor),
            column(all, |r| r.commission_minor),
            column(all, |r| r.partner_minor),
            column(all, |r| r.reason.as_deref().map(text)),
            column(all, |r| r.at.0),
        ],
    )
}
