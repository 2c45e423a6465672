use std::sync::Arc;

use axum::extract::{FromRef, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
};

/// How the process is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// What keeps it from its work; nothing once it is ready.
    pub waiting: Vec<String>,
    /// What it goes on without.
    pub degraded: Vec<String>,
}

/// Says how the process is.
#[derive(Clone)]
pub struct Ready(pub Arc<dyn Fn() -> Condition + Send + Sync>);

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    status: &'static str,
    /// What is away that the process goes on without; only of `/readyz`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    degraded: Vec<String>,
}

impl FromRef<Api> for Ready {
    fn from_ref(api: &Api) -> Ready {
        api.ready.clone()
    }
}

/// Whether the process runs
#[utoipa::path(get, path = "/healthz", tag = "surroundings", responses((status = 200, body = Envelope<Health>)))]
pub(crate) async fn healthz() -> Envelope<Health> {
    data(Health { status: "ok", degraded: Vec::new() })
}

/// Whether all parts can serve
#[utoipa::path(get, path = "/readyz", tag = "surroundings", responses(
    (status = 200, description = "`degraded` names what it goes on without", body = Envelope<Health>),
    (status = 503, description = "`UNAVAILABLE`: message and `waiting` name what is not ready", body = ErrorBody),
))]
pub(crate) async fn readyz(State(ready): State<Ready>) -> Reply<Health> {
    let Condition { waiting, degraded } = (ready.0)();
    if waiting.is_empty() { Ok(data(Health { status: "ready", degraded })) } else { Err(ApiError::NotReady(waiting)) }
}
