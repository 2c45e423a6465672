use std::sync::Arc;

use axum::extract::{FromRef, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
};

/// Says what is not ready; nothing once all is.
#[derive(Clone)]
pub struct Ready(pub Arc<dyn Fn() -> Vec<String> + Send + Sync>);

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

impl FromRef<Api> for Ready {
    fn from_ref(api: &Api) -> Ready {
        api.ready.clone()
    }
}

/// Whether the process runs
#[utoipa::path(get, path = "/healthz", tag = "surroundings", responses((status = 200, body = Envelope<Health>)))]
pub(crate) async fn healthz() -> Envelope<Health> {
    data(Health { status: "ok" })
}

/// Whether all parts can serve
#[utoipa::path(get, path = "/readyz", tag = "surroundings", responses(
    (status = 200, body = Envelope<Health>),
    (status = 503, description = "`UNAVAILABLE`: message and `waiting` name what is not ready", body = ErrorBody),
))]
pub(crate) async fn readyz(State(ready): State<Ready>) -> Reply<Health> {
    let waiting = (ready.0)();
    if waiting.is_empty() { Ok(data(Health { status: "ready" })) } else { Err(ApiError::NotReady(waiting)) }
}
