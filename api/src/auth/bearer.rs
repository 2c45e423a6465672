use http::{HeaderMap, header::AUTHORIZATION};

use crate::{Api, auth::token::Token, error::ApiError};

/// What of a request says who asks. A bearer token comes before a key.
pub(super) enum Credentials<'a> {
    Bearer(&'a str),
    Key(&'a str),
    None,
}

pub(super) fn credentials(headers: &HeaderMap) -> Result<Credentials<'_>, ApiError> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let text = value.to_str().map_err(|_| ApiError::BadToken)?;
        let (scheme, token) = text.split_once(' ').ok_or(ApiError::BadToken)?;
        let bearer = scheme.eq_ignore_ascii_case("bearer");
        return if bearer { Ok(Credentials::Bearer(token.trim())) } else { Err(ApiError::BadToken) };
    }
    match headers.get("x-api-key") {
        Some(value) => value.to_str().map(Credentials::Key).map_err(|_| ApiError::BadKey),
        None => Ok(Credentials::None),
    }
}

/// A token whose session lives.
pub(super) async fn live(api: &Api, text: &str) -> Result<Token, ApiError> {
    let now = (api.now)();
    let token = api.tokens().read(text, now).ok_or(ApiError::BadToken)?;
    if api.catalog.session_is_live(token.session, now).await? { Ok(token) } else { Err(ApiError::BadToken) }
}
