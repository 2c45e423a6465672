//! A request's query parameters, checked like the fields of a body.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use http::request::Parts;
use schemas::money::Currency;
use stores::facts::Currencies;
use utoipa::IntoParams;

use crate::{Api, error::ApiError};

pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(crate) fn of(parts: &'a Parts) -> Query<'a> {
        let text = parts.uri.query().unwrap_or_default();
        Query(url::form_urlencoded::parse(text.as_bytes()).collect())
    }

    /// What the parameter says, if it is there; said twice it says nothing.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        takes: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let mut given = self.0.iter().filter(|(known, _)| known == name);
        match (given.next(), given.next()) {
            (None, _) => Ok(None),
            (Some((_, text)), None) => read(text).map(Some).ok_or_else(|| ApiError::invalid(name, takes)),
            (Some(_), Some(_)) => Err(ApiError::invalid(name, "takes one value, not two")),
        }
    }

    pub(crate) fn whole_number(&self, name: &str, from: u32, to: u32) -> Result<Option<u32>, ApiError> {
        let takes = format!("takes a whole number from {from} to {to}");
        self.read(name, &takes, |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.then(|| text.parse().ok()).flatten()?;
            (from..=to).contains(&number).then_some(number)
        })
    }
}

/// In which currency the numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CurrencyAsked {
    /// ISO 4217 code, in either case. Default: the one most sold in over the period.
    #[param(value_type = Option<String>, example = "USD")]
    pub(crate) currency: Option<Currency>,
}

impl CurrencyAsked {
    /// The one asked for, else the one that was found to be sold in most.
    pub(crate) fn or_shown(self, found: &Currencies) -> Currency {
        self.currency.or(found.shown).unwrap_or(Currency::USD)
    }
}

impl FromRequestParts<Api> for CurrencyAsked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let takes = "takes an ISO 4217 currency code such as USD";
        let currency = Query::of(parts).read("currency", takes, |text| Currency::parse(text).ok())?;
        Ok(CurrencyAsked { currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_said_once_and_plainly() {
        let check = |uri: &str, wanted: Result<Option<u32>, &str>| {
            let (parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
            let got = Query::of(&parts).whole_number("days", 1, 365).map_err(|error| error.to_string());
            assert_eq!(got, wanted.map_err(str::to_owned), "{uri}");
        };
        for (uri, wanted) in [("/", None), ("/?page=x", None), ("/?days=1", Some(1)), ("/?a&days=0365", Some(365))] {
            check(uri, Ok(wanted));
        }
        for text in ["", "0", "366", "-1", "x", "1.5", "%2B1", "1e1", "4294967297", "%FF", "1%00"] {
            check(&format!("/?days={text}"), Err("days: takes a whole number from 1 to 365"));
        }
        check("/?days=1&days=2", Err("days: takes one value, not two"));
    }
}
