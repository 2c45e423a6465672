use axum::extract::State;
use schemas::{
    decision::{Answer, EventKind},
    event::{self, Body},
    hashes::{KeyKind, KeyType},
    ids::{CompanyId, ConversionId},
    money::Currency,
    personal::mask,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::CompanyCaller,
    body::{Fields, FromFields, Input},
    decided::{Deadline, count_refused, decide, own_id, refused, wait_for},
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
    segment::Segment,
};

/// As much as the largest sale.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// A refund of a sale, whole or in part.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Refund {
    /// The caller's own name for it: 1 to 255 characters, once a company.
    #[schema(min_length = 1, max_length = 255, example = "refund_1")]
    refund_id: String,
    /// Minor units, from 1. Default: all that is left of the sale.
    #[schema(minimum = 1, example = 3333)]
    amount: Option<i64>,
    /// At most 1,000 characters.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

impl FromFields for Refund {
    fn from_fields(fields: &Fields<'_>) -> Result<Refund, ApiError> {
        Ok(Refund {
            refund_id: fields.text("refundId", 1..=255)?,
            amount: fields.integer_or_none("amount", 1..=AMOUNT_MAX)?,
            reason: fields.text_or_none("reason", 0..=1_000)?,
        })
    }
}

/// Where the sale stands after the refund. Amounts are minor units of `currency`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refunded {
    #[schema(value_type = String, example = "conv_00000000000000000000000001")]
    id: ConversionId,
    /// All refunds of the sale so far.
    #[schema(example = 3333)]
    refunded_amount: i64,
    /// What remains.
    #[schema(example = 667)]
    commission_amount: i64,
    /// What remains.
    #[schema(example = 534)]
    affiliate_payout: i64,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
}

/// Refunds a sale, whole or in part
///
/// Commission and split are worked out again on what is left, under the terms that decided the sale. Of a rejected or
/// unattributed one the sale shrinks and no money moves.
#[utoipa::path(post, path = "/conversions/{id}/refund", tag = "conversions", security(("token" = []), ("key" = [])),
    params(("id" = String, Path, description = "`conv_…`")), request_body = Refund,
    responses(
        (status = 200, body = Envelope<Refunded>),
        (status = 400, description = "`VALIDATION_ERROR`, also for more than is left", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`: no such conversion, or somebody else's", body = ErrorBody),
        (status = 409, description = "`DUPLICATE`: the company's `refundId` again", body = ErrorBody),
        (status = 503, description = "`UNAVAILABLE` with `Retry-After`: the sale is not decided yet, or the refund took too long",
            body = ErrorBody),
    ))]
pub(crate) async fn refund(
    State(api): State<Api>,
    caller: CompanyCaller,
    Segment(id): Segment,
    asked: Result<Input<Refund>, ApiError>,
) -> Reply<Refunded> {
    let deadline = Deadline::of(&api);
    let prepared = prepare(&api, caller.company, &id, asked, deadline).await;
    let event = count_refused(&api, caller, EventKind::Refund, prepared)?;
    let answer = decide(&api, caller, EventKind::Refund, event, deadline).await?;
    rendered(answer).map(data)
}

async fn prepare(
    api: &Api,
    company: CompanyId,
    id: &str,
    asked: Result<Input<Refund>, ApiError>,
    deadline: Deadline,
) -> Result<(u32, Body), ApiError> {
    let Input(asked) = asked?;
    let id = own_id(api, company, id)?;
    let partition = wait_for(api, id, deadline).await?.position.partition;
    Ok((partition, Body::Refund(Box::new(stamp(api, company, id, asked)))))
}

fn stamp(api: &Api, company: CompanyId, conversion: ConversionId, asked: Refund) -> event::Refund {
    let secrets = api.catalog.secrets();
    let told = serde_json::json!([conversion, asked.amount, asked.reason]);
    event::Refund {
        company,
        conversion,
        key: secrets.id_key.key_hash(company, KeyKind::Refund, KeyType::Caller, &asked.refund_id),
        label: mask(&secrets.person_key, &asked.refund_id).into_owned(),
        amount_minor: asked.amount,
        reason: asked.reason.map(|reason| mask(&secrets.person_key, &reason).into_owned()),
        body_hash: secrets.id_key.body_hash(told.to_string().as_bytes()),
    }
}

fn rendered(answer: Answer) -> Result<Refunded, ApiError> {
    match answer {
        Answer::Refunded { conversion, refunded_minor, commission_minor, partner_minor, currency } => Ok(Refunded {
            id: conversion,
            refunded_amount: refunded_minor,
            commission_amount: commission_minor,
            affiliate_payout: partner_minor,
            currency,
        }),
        Answer::Duplicate { same_body: true, .. } => Err(ApiError::Duplicate("this refund was made before")),
        Answer::Duplicate { same_body: false, .. } => Err(ApiError::Duplicate("another refund has this refundId")),
        Answer::Refused(refusal) => Err(refused(refusal)),
        Answer::Parked { .. } | Answer::Converted(_) | Answer::Reviewed { .. } => {
            Err(ApiError::Unavailable("the refund is taken and not decided yet: come back later"))
        }
    }
}
