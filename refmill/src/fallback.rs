//! Hands requests that are not the edge's to the API.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use ingest::{Answering, Fallback, Page};
use tower::ServiceExt as _;

/// The router's answers are whole pages, so they are taken whole.
pub(crate) fn of(router: Router) -> Fallback {
    Arc::new(move |request: Request<Incoming>| -> Answering {
        let router = router.clone();
        Box::pin(async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            let (head, body) = response.into_parts();
            match body.collect().await {
                Ok(whole) => Response::from_parts(head, Page::new(whole.to_bytes())),
                Err(error) => {
                    tracing::error!(%error, "an answer could not be read");
                    let mut broken = Response::new(Page::default());
                    *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    broken
                }
            }
        })
    })
}
