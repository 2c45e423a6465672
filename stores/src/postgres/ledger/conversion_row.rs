use schemas::{
    conversion::{Conversion, Maturity},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    time::TimeMs,
};
use tokio_postgres::Row;

use super::{
    ask::{Ask, Param, column},
    columns::{
        Wide, get_code, get_code_or_none, get_currency, get_id, get_id_or_none, get_key_kind, get_review,
        get_settlement, get_small, get_wide, int, small, text, unreadable,
    },
};
use crate::{
    StoreError,
    ledger::codes::{house_status_code, key_kind_code, signals_column, signals_from, standing_columns, standing_from},
};

macro_rules! columns {
    () => {
        "id, company, kind, event, partition, \"offset\", program, partner, link, label, amount_minor, currency, refunded_minor, \
         occurred_at_ms, taken_at_ms, standing, standing_reason, commission_minor, partner_minor, platform_minor, review, \
         held_until_ms, settlement, score_ppm, signals, terms_version, body_hash, explanation"
    };
}
pub(super) use columns;

macro_rules! insert {
    ($then:literal) => {
        concat!(
            "INSERT INTO ledger.conversions AS c (",
            columns!(),
            ", house_status) SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::smallint[]), unnest($4::uuid[]), unnest($5::integer[]), \
             unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::text[]), \
             unnest($11::bigint[]), unnest($12::text[]), unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::bigint[]), \
             unnest($16::smallint[]), unnest($17::smallint[]), unnest($18::bigint[]), unnest($19::bigint[]), unnest($20::bigint[]), \
             unnest($21::smallint[]), unnest($22::bigint[]), unnest($23::smallint[]), unnest($24::integer[]), unnest($25::text[]), \
             unnest($26::integer[]), unnest($27::uuid[]), unnest($28::text[]), unnest($29::smallint[]) ",
            $then
        )
    };
}

const INSERT: &str = insert!("");

const PUT: &str = insert!(
    "ON CONFLICT (id) DO UPDATE SET company = excluded.company, kind = excluded.kind, event = excluded.event, \
     partition = excluded.partition, \"offset\" = excluded.\"offset\", program = excluded.program, partner = excluded.partner, \
     link = excluded.link, label = excluded.label, amount_minor = excluded.amount_minor, currency = excluded.currency, \
     refunded_minor = excluded.refunded_minor, occurred_at_ms = excluded.occurred_at_ms, taken_at_ms = excluded.taken_at_ms, \
     standing = excluded.standing, standing_reason = excluded.standing_reason, commission_minor = excluded.commission_minor, \
     partner_minor = excluded.partner_minor, platform_minor = excluded.platform_minor, review = excluded.review, \
     held_until_ms = excluded.held_until_ms, settlement = excluded.settlement, score_ppm = excluded.score_ppm, \
     signals = excluded.signals, terms_version = excluded.terms_version, body_hash = excluded.body_hash, \
     explanation = excluded.explanation, house_status = excluded.house_status"
);

const SELECT: &str = concat!("SELECT ", columns!(), " FROM ledger.conversions WHERE id = ANY($1)");

pub(super) fn find(ids: Vec<Wide>) -> Ask {
    Ask::rows(SELECT, vec![Box::new(ids)])
}

/// Puts conversions as they are now, each id once.
pub(super) fn put(conversions: &[&Conversion]) -> Result<Ask, StoreError> {
    Ok(Ask::count(PUT, params(conversions)?))
}

/// Puts conversions that are not there.
pub(super) fn insert(conversions: &[&Conversion]) -> Result<Ask, StoreError> {
    Ok(Ask::count(INSERT, params(conversions)?))
}

fn params(conversions: &[&Conversion]) -> Result<Vec<Param>, StoreError> {
    let explanations: Vec<String> = conversions
        .iter()
        .map(|c| serde_json::to_string(&c.explanation).map_err(|error| StoreError::Corrupt(error.to_string())))
        .collect::<Result<_, _>>()?;
    let all = conversions;
    Ok(vec![
        column(all, |c| Wide(c.id.0)),
        column(all, |c| int(c.company.0)),
        column(all, |c| i16::from(key_kind_code(c.kind))),
        column(all, |c| Wide(c.event.0)),
        column(all, |c| small(c.position.partition)),
        column(all, |c| int(c.position.offset)),
        column(all, |c| c.program.map(|program| int(program.0))),
        column(all, |c| c.partner.map(|partner| int(partner.0))),
        column(all, |c| c.link.map(|link| int(link.0))),
        column(all, |c| text(&c.label)),
        column(all, |c| c.amount_minor),
        column(all, |c| c.currency.code()),
        column(all, |c| c.refunded_minor),
        column(all, |c| c.occurred_at.0),
        column(all, |c| c.taken_at.0),
        column(all, |c| i16::from(standing_columns(c.standing).0)),
        column(all, |c| standing_columns(c.standing).1.map(i16::from)),
        column(all, |c| c.commission_minor),
        column(all, |c| c.partner_minor),
        column(all, |c| c.platform_minor),
        column(all, |c| i16::from(c.review as u8)),
        column(all, |c| match c.maturity {
            Maturity::HeldUntil(until) => Some(until.0),
            Maturity::Matured => None,
        }),
        column(all, |c| i16::from(c.settlement as u8)),
        column(all, |c| small(c.score_ppm)),
        column(all, |c| signals_column(&c.signals)),
        column(all, |c| small(c.terms_version)),
        column(all, |c| Wide(c.body_hash)),
        Box::new(explanations),
        column(all, |c| i16::from(house_status_code(c))),
    ])
}

pub(super) fn read(row: &Row) -> Result<Conversion, StoreError> {
    let standing = standing_from(get_code(row, 15)?, get_code_or_none(row, 16)?);
    let explanation: &str = row.try_get(27)?;
    Ok(Conversion {
        id: ConversionId(get_wide(row, 0)?),
        company: CompanyId(get_id(row, 1)?),
        kind: get_key_kind(row, 2)?,
        event: EventId(get_wide(row, 3)?),
        position: Position { partition: get_small(row, 4)?, offset: get_id(row, 5)? },
        program: get_id_or_none(row, 6)?.map(ProgramId),
        partner: get_id_or_none(row, 7)?.map(PartnerId),
        link: get_id_or_none(row, 8)?.map(LinkId),
        label: row.try_get(9)?,
        amount_minor: row.try_get(10)?,
        currency: get_currency(row, 11)?,
        refunded_minor: row.try_get(12)?,
        occurred_at: TimeMs(row.try_get(13)?),
        taken_at: TimeMs(row.try_get(14)?),
        standing: standing.ok_or_else(|| unreadable(row, 15, "a standing"))?,
        commission_minor: row.try_get(17)?,
        partner_minor: row.try_get(18)?,
        platform_minor: row.try_get(19)?,
        review: get_review(row, 20)?,
        maturity: row.try_get::<_, Option<i64>>(21)?.map_or(Maturity::Matured, |at| Maturity::HeldUntil(TimeMs(at))),
        settlement: get_settlement(row, 22)?,
        score_ppm: get_small(row, 23)?,
        signals: signals_from(row.try_get(24)?).ok_or_else(|| unreadable(row, 24, "names of signals"))?,
        terms_version: get_small(row, 25)?,
        body_hash: get_wide(row, 26)?,
        explanation: serde_json::from_str(explanation).map_err(|_| unreadable(row, 27, "an explanation"))?,
    })
}
