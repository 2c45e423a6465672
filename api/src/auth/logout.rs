use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::SignedIn;
use crate::{
    Api,
    error::ErrorBody,
    reply::{Envelope, Reply, data},
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoggedOut {
    /// Always true.
    #[schema(example = true)]
    logged_out: bool,
}

/// Ends the session of this token
///
/// The token works no more from the next request on. Other tokens of the account go on.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(("token" = [])), responses(
    (status = 200, body = Envelope<LoggedOut>),
    (status = 401, description = "`UNAUTHORIZED`: no token, or one that does not work", body = ErrorBody),
))]
pub(crate) async fn logout(State(api): State<Api>, SignedIn(token): SignedIn) -> Reply<LoggedOut> {
    api.catalog.end_session(token.session).await?;
    Ok(data(LoggedOut { logged_out: true }))
}

/// Ends all sessions of this account
#[utoipa::path(post, path = "/auth/logout-all", tag = "auth", security(("token" = [])), responses(
    (status = 200, body = Envelope<LoggedOut>),
    (status = 401, description = "`UNAUTHORIZED`: no token, or one that does not work", body = ErrorBody),
))]
pub(crate) async fn logout_all(State(api): State<Api>, SignedIn(token): SignedIn) -> Reply<LoggedOut> {
    api.catalog.end_all_sessions(token.principal).await?;
    Ok(data(LoggedOut { logged_out: true }))
}
