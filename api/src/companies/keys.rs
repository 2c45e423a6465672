use axum::extract::State;
use schemas::{catalog::CredentialKind, ids::CompanyId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{register::credential, update::refused};
use crate::{
    Api,
    auth::caller::{CompanyCaller, CompanyOwner},
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
    secret::Secret,
};

/// A secret key, shown here and never again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewApiKey {
    #[schema(example = "sk_live_new_key_here")]
    api_key: String,
}

/// A postback key, shown here and never again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewPostbackKey {
    #[schema(example = "pb_live_...")]
    postback_key: String,
}

/// Gives the company a new secret key
///
/// The one before dies at once. Takes a token: a key can't replace itself.
#[utoipa::path(post, path = "/companies/rotate-key", tag = "companies", security(("token" = [])), responses(
    (status = 200, body = Envelope<NewApiKey>),
    (status = 401, description = "`UNAUTHORIZED`: no token, also with a key", body = ErrorBody),
    (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
))]
pub(crate) async fn rotate_key(State(api): State<Api>, CompanyOwner(company): CompanyOwner) -> Reply<NewApiKey> {
    Ok(data(NewApiKey { api_key: replace(&api, company, CredentialKind::Secret).await? }))
}

/// Gives the company a new key for postbacks
///
/// It can do nothing but `GET /postback`, and nothing else can do that. The one before dies at once.
#[utoipa::path(post, path = "/companies/postback-key", tag = "companies", security(("token" = []), ("key" = [])), responses(
    (status = 200, body = Envelope<NewPostbackKey>),
    (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
    (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
))]
pub(crate) async fn postback_key(State(api): State<Api>, caller: CompanyCaller) -> Reply<NewPostbackKey> {
    Ok(data(NewPostbackKey { postback_key: replace(&api, caller.company, CredentialKind::Postback).await? }))
}

async fn replace(api: &Api, company: CompanyId, kind: CredentialKind) -> Result<String, ApiError> {
    let secret = Secret::key(kind)?;
    let key = credential(kind, &secret)?;
    let change = api.catalog.replace_key(company, key, (api.now)()).await.map_err(refused)?;
    api.settled(change).await;
    Ok(secret.text)
}
