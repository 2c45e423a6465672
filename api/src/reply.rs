//! What a request that went well is answered with: Refuel's envelope.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::ApiError, paging::Meta};

pub(crate) type Reply<T> = Result<Envelope<T>, ApiError>;

/// 200.
#[derive(Serialize, ToSchema)]
pub(crate) struct Envelope<T> {
    /// Always true.
    #[schema(example = true)]
    pub(crate) success: bool,
    pub(crate) data: T,
}

/// 201.
pub(crate) struct Created<T>(pub(crate) T);

/// 200 with one page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// Always true.
    #[schema(example = true)]
    pub(crate) success: bool,
    pub(crate) data: Vec<T>,
    pub(crate) meta: Meta,
}

pub(crate) fn data<T>(data: T) -> Envelope<T> {
    Envelope { success: true, data }
}

pub(crate) fn listed<T>(data: Vec<T>, meta: Meta) -> Listed<T> {
    Listed { success: true, data, meta }
}

impl<T: Serialize> IntoResponse for Envelope<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(data(self.0))).into_response()
    }
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
