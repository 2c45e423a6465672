//! A request's JSON body, read strictly: what is not exactly what a field takes is refused with a message that says so.

mod escapes;
mod fields;
mod object;

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header::CONTENT_TYPE};
use ingest::body::{BODY_WAIT, read};

pub(crate) use fields::Fields;

use crate::{Api, error::ApiError};

pub(crate) const BODY_BYTES: usize = 64 << 10;

/// A request type that is read from the fields of a JSON object.
pub(crate) trait FromFields: Sized {
    fn from_fields(fields: &Fields<'_>) -> Result<Self, ApiError>;
}

/// The body as a `T`. Taken last, so that who may not ask is told so first.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: FromFields> FromRequest<Api> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let body = read(request.into_body(), BODY_BYTES, BODY_WAIT, &api.bodies).await?;
        let fields = Fields::parse(&body.bytes)?;
        T::from_fields(&fields).map(Input)
    }
}

/// `application/json` in any case, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = text.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_told_by_its_media_type() {
        for (text, wanted) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json ;x=y", true),
            ("text/plain", false),
            ("application/jsonp", false),
            ("application/xml", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]);
            assert_eq!(is_json(&headers), wanted, "{text}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
