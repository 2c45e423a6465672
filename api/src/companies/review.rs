use axum::extract::State;
use schemas::{
    decision::{Answer, EventKind},
    event::{self, Body, ReviewAction},
    ids::{CompanyId, ConversionId},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::CompanyCaller,
    body::{Fields, FromFields, Input},
    conversions::Status,
    decided::{Deadline, count_refused, decide, own_id, refused, wait_for},
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
    segment::Segment,
};

/// What becomes of a conversion under review.
#[derive(ToSchema)]
pub(crate) struct Review {
    #[schema(value_type = Action)]
    action: ReviewAction,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "names the actions for the documentation")]
pub(crate) enum Action {
    Approve,
    Reject,
}

impl FromFields for Review {
    fn from_fields(fields: &Fields<'_>) -> Result<Review, ApiError> {
        let actions = [("approve", ReviewAction::Approve), ("reject", ReviewAction::Reject)];
        Ok(Review { action: fields.word("action", &actions)? })
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Reviewed {
    #[schema(value_type = String, example = "conv_00000000000000000000000001")]
    id: ConversionId,
    #[schema(example = "approved")]
    status: Status,
}

/// Approves or rejects a conversion under review
///
/// Only one whose status is `pending`.
#[utoipa::path(patch, path = "/companies/conversions/{id}", tag = "companies", security(("token" = []), ("key" = [])),
    params(("id" = String, Path, description = "`conv_…`")), request_body = Review,
    responses(
        (status = 200, body = Envelope<Reviewed>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`: no such conversion, or somebody else's", body = ErrorBody),
        (status = 409, description = "`ALREADY_RESOLVED`", body = ErrorBody),
        (status = 503, description = "`UNAVAILABLE` with `Retry-After`: it is not decided yet, or the review took too long",
            body = ErrorBody),
    ))]
pub(crate) async fn review(
    State(api): State<Api>,
    caller: CompanyCaller,
    Segment(id): Segment,
    asked: Result<Input<Review>, ApiError>,
) -> Reply<Reviewed> {
    let deadline = Deadline::of(&api);
    let prepared = prepare(&api, caller.company, &id, asked, deadline).await;
    let event = count_refused(&api, caller, EventKind::Review, prepared)?;
    let answer = decide(&api, caller, EventKind::Review, event, deadline).await?;
    rendered(answer).map(data)
}

async fn prepare(
    api: &Api,
    company: CompanyId,
    id: &str,
    asked: Result<Input<Review>, ApiError>,
    deadline: Deadline,
) -> Result<(u32, Body), ApiError> {
    let Input(asked) = asked?;
    let conversion = own_id(api, company, id)?;
    let partition = wait_for(api, conversion, deadline).await?.position.partition;
    Ok((partition, Body::Review(event::Review { company, conversion, action: asked.action })))
}

fn rendered(answer: Answer) -> Result<Reviewed, ApiError> {
    match answer {
        Answer::Reviewed { conversion, status } => Ok(Reviewed { id: conversion, status: Some(status).into() }),
        Answer::Duplicate { .. } => Err(ApiError::AlreadyResolved),
        Answer::Refused(refusal) => Err(refused(refusal)),
        Answer::Parked { .. } | Answer::Converted(_) | Answer::Refunded { .. } => {
            Err(ApiError::Unavailable("the review is taken and not decided yet: come back later"))
        }
    }
}
