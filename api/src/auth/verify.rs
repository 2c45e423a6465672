use axum::extract::State;
use schemas::ids::PartnerId;
use serde::Serialize;
use stores::catalog::{self, Principal, RedeemError, Session};
use utoipa::ToSchema;

use super::token::{Role, TOKEN_MS};
use crate::{
    Api,
    body::{Fields, FromFields, Input},
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
    secret::random,
};

/// A magic link's token.
#[derive(ToSchema)]
pub(crate) struct Verify {
    /// From the link's URL.
    #[schema(example = "your_magic_link_token")]
    token: String,
}

impl FromFields for Verify {
    fn from_fields(fields: &Fields<'_>) -> Result<Verify, ApiError> {
        Ok(Verify { token: fields.text("token", 1..=255)? })
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verified {
    /// For the Authorization header, for an hour.
    #[schema(example = "eyJhbGci...")]
    token: String,
    /// `cmp_…` or `aff_…`.
    #[schema(example = "cmp_0000000000001")]
    user_id: String,
    role: Role,
    #[schema(example = "you@example.com")]
    email: String,
}

/// Exchanges a magic link's token for a bearer token
///
/// Works once, within 15 minutes. An affiliate's account comes to be with its first link.
#[utoipa::path(post, path = "/auth/verify", tag = "auth", request_body = Verify, responses(
    (status = 200, body = Envelope<Verified>),
    (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
    (status = 401, description = "`UNAUTHORIZED`: unknown, expired or used", body = ErrorBody),
))]
pub(crate) async fn verify(State(api): State<Api>, Input(asked): Input<Verify>) -> Reply<Verified> {
    let now = (api.now)();
    let id_if_new = PartnerId(u64::from_be_bytes(random()?));
    let digest = catalog::digest(&asked.token);
    let redeemed = api.catalog.redeem_magic_link(digest, id_if_new, now).await.map_err(|error| match error {
        RedeemError::NotValid => ApiError::BadMagicLink,
        RedeemError::Store(error) => error.into(),
    })?;
    let session = Session {
        id: u128::from_be_bytes(random()?),
        principal: redeemed.principal,
        issued_at: now,
        expires_at: now.plus_ms(TOKEN_MS),
    };
    let token = api.tokens().sign(&session)?;
    api.catalog.start_session(session).await?;
    let (user_id, role) = match redeemed.principal {
        Principal::Company(company) => (company.to_string(), Role::Company),
        Principal::Partner(partner) => (partner.to_string(), Role::Affiliate),
    };
    Ok(data(Verified { token, user_id, role, email: redeemed.email }))
}
