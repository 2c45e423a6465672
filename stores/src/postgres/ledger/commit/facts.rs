//! What facts are made again from, refunds, clicks that customers used, replies and quarantine.

use schemas::{conversion::RefundApplied, decision::Outcome, facts::ConversionChange};

use super::{folded::Folded, steps::Steps};
use crate::{
    ledger::Quarantined,
    postgres::ledger::{
        ask::{Ask, column, one},
        columns::{Wide, bound, int, small, text},
    },
};

pub(super) fn write(steps: &mut Steps, partition: u32, batch_from: u64, folded: &Folded, quarantined: &[Quarantined]) {
    if !folded.changes.is_empty() {
        steps.push(changes(&folded.changes));
    }
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
    if !folded.clicks.is_empty() {
        let all: Vec<_> = folded.clicks.iter().collect();
        steps.push(Ask::count(
            "INSERT INTO ledger.click_customers (link, event_id_hash, customer)
             SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::uuid[]) ON CONFLICT DO NOTHING",
            vec![
                column(&all, |(click, _)| int(click.link.0)),
                column(&all, |(click, _)| int(click.event_id_hash)),
                column(&all, |(_, customer)| Wide(*customer)),
            ],
        ));
    }
    if !folded.replies.is_empty() {
        let all = &folded.replies;
        steps.push(Ask::count(
            "INSERT INTO ledger.replies (partition, batch_from, reply_to, records) VALUES ($1, $2, $3, $4)",
            vec![
                one(small(partition)),
                one(bound(batch_from)),
                column(all, |(reply_to, _)| reply_to.map(i64::from)),
                column(all, |(_, record)| record.clone()),
            ],
        ));
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

fn changes(all: &[ConversionChange]) -> Ask {
    let seq: Vec<i32> = (0..).take(all.len()).collect();
    Ask::count(
        "INSERT INTO ledger.changes (partition, \"offset\", seq, event, kind, conversion, company, program, partner, link, currency, at_ms,
                                     changed_at_ms, conversions, revenue_minor, commission_minor, approved_minor, partner_minor,
                                     partner_approved_minor)
         SELECT unnest($1::integer[]), unnest($2::bigint[]), unnest($3::integer[]), unnest($4::uuid[]), unnest($5::smallint[]),
         unnest($6::uuid[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bigint[]),
         unnest($11::text[]), unnest($12::bigint[]), unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::bigint[]),
         unnest($16::bigint[]), unnest($17::bigint[]), unnest($18::bigint[]), unnest($19::bigint[])",
        vec![
            column(all, |c| small(c.position.partition)),
            column(all, |c| int(c.position.offset)),
            one(seq),
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
