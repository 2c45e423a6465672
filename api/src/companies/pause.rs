use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::update::refused;
use crate::{
    Api,
    auth::caller::CompanyCaller,
    error::ErrorBody,
    reply::{Envelope, Reply, data},
};

#[derive(Serialize, ToSchema)]
pub(crate) struct ProgramStatus {
    /// `active` or `paused`.
    #[schema(example = "paused")]
    status: &'static str,
}

/// Pauses the company's program, or resumes it
///
/// A paused program takes no new clicks. Sales of earlier ones go on.
#[utoipa::path(post, path = "/companies/pause", tag = "companies", security(("token" = []), ("key" = [])), responses(
    (status = 200, body = Envelope<ProgramStatus>),
    (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
    (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
))]
pub(crate) async fn pause(State(api): State<Api>, caller: CompanyCaller) -> Reply<ProgramStatus> {
    let paused = api.catalog.toggle_pause(caller.company).await.map_err(refused)?;
    api.settled(paused.change).await;
    Ok(data(ProgramStatus { status: paused.status.as_str() }))
}
