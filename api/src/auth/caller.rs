//! Who may call a path: each type is one answer to that, and a handler takes the one it needs.

use axum::extract::FromRequestParts;
use http::request::Parts;
use schemas::{
    catalog::CredentialKind,
    ids::{CompanyId, KeyId, PartnerId},
};
use stores::catalog::Principal;

use super::{
    bearer::{Credentials, credentials, live},
    token::Token,
};
use crate::{Api, error::ApiError};

/// A company, by token or by its secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompanyCaller {
    pub(crate) company: CompanyId,
    /// The key, where it was one: what the key brings is refused once it is revoked.
    pub(crate) key: Option<KeyId>,
}

/// A company by token alone.
pub(crate) struct CompanyOwner(pub(crate) CompanyId);

/// An affiliate, by token.
pub(crate) struct Affiliate(pub(crate) PartnerId);

/// Either of them.
pub(crate) enum AnyCaller {
    Company(CompanyId),
    Affiliate(PartnerId),
}

/// Whoever has signed in.
pub(crate) struct SignedIn(pub(crate) Token);

impl FromRequestParts<Api> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        match credentials(&parts.headers)? {
            Credentials::Bearer(text) => Ok(match live(api, text).await?.principal {
                Principal::Company(company) => AnyCaller::Company(company),
                Principal::Partner(partner) => AnyCaller::Affiliate(partner),
            }),
            Credentials::Key(text) => secret_key(api, text).map(|(company, _)| AnyCaller::Company(company)),
            Credentials::None => Err(ApiError::NoCredentials),
        }
    }
}

impl FromRequestParts<Api> for CompanyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        match credentials(&parts.headers)? {
            Credentials::Bearer(text) => {
                company_of(live(api, text).await?).map(|company| CompanyCaller { company, key: None })
            }
            Credentials::Key(text) => {
                secret_key(api, text).map(|(company, key)| CompanyCaller { company, key: Some(key) })
            }
            Credentials::None => Err(ApiError::NoCredentials),
        }
    }
}

impl FromRequestParts<Api> for CompanyOwner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let SignedIn(token) = SignedIn::from_request_parts(parts, api).await?;
        company_of(token).map(CompanyOwner)
    }
}

impl FromRequestParts<Api> for Affiliate {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let SignedIn(token) = SignedIn::from_request_parts(parts, api).await?;
        match token.principal {
            Principal::Partner(partner) => Ok(Affiliate(partner)),
            Principal::Company(_) => Err(ApiError::WrongRole),
        }
    }
}

impl FromRequestParts<Api> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        match credentials(&parts.headers)? {
            Credentials::Bearer(text) => live(api, text).await.map(SignedIn),
            Credentials::Key(_) | Credentials::None => Err(ApiError::NoToken),
        }
    }
}

fn company_of(token: Token) -> Result<CompanyId, ApiError> {
    match token.principal {
        Principal::Company(company) => Ok(company),
        Principal::Partner(_) => Err(ApiError::WrongRole),
    }
}

/// Whose live secret key it is, within the key's limit of requests.
fn secret_key(api: &Api, text: &str) -> Result<(CompanyId, KeyId), ApiError> {
    let snapshot = api.follower.current();
    let credential = snapshot.credential(text).filter(|credential| credential.kind == CredentialKind::Secret);
    let credential = credential.ok_or_else(|| {
        let is_sure = snapshot.knows_secret(text) || api.follower.is_current();
        if is_sure {
            ApiError::BadKey
        } else {
            ApiError::Unavailable("it cannot be told now whose key it is: try again")
        }
    })?;
    let limited = api.key_limiter.check(credential.id.0);
    limited.map_err(|over| ApiError::RateLimited { seconds: over.seconds })?;
    Ok((credential.company, credential.id))
}
