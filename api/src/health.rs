use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process runs
#[utoipa::path(get, path = "/healthz", tag = "surroundings", responses((status = 200, body = Envelope<Health>)))]
pub(crate) async fn healthz() -> Envelope<Health> {
    data(Health { status: "ok" })
}

/// Whether all parts can serve
#[utoipa::path(get, path = "/readyz", tag = "surroundings", responses(
    (status = 200, body = Envelope<Health>),
    (status = 503, description = "`UNAVAILABLE`: the message names what is not ready", body = ErrorBody),
))]
pub(crate) async fn readyz(State(api): State<Api>) -> Reply<Health> {
    let missing = (api.ready)();
    if missing.is_empty() { Ok(data(Health { status: "ready" })) } else { Err(ApiError::NotReady(missing.join(", "))) }
}
