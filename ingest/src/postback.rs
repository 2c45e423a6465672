//! `GET /postback`: a tracker reports a sale by its receipt, with a key that can do nothing else.

use std::borrow::Cow;

use http::Response;
use schemas::{catalog::CredentialKind, decision::EventKind, money::Currency, receipt::Receipt};
use url::form_urlencoded;

use crate::{
    answer::Page,
    conversion::{ORDER_ID_CHARS_MAX, ORDER_VALUE_MAX, Said, decide, forged, stamp, within_limit},
    edge::Edge,
    refusal::{EdgeRefusal, Invalid},
};

pub(crate) async fn answer(edge: &Edge, query: &str) -> Result<Response<Page>, EdgeRefusal> {
    let parameters: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes()).collect();
    let get = |name: &str| parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_ref());
    let secret = get("key").ok_or(EdgeRefusal::NoPostbackKey)?;
    let found = edge.follower.current().credential(secret);
    let credential = found
        .filter(|found| found.kind == CredentialKind::Postback)
        .ok_or_else(|| edge.follower.bad_key(secret, EdgeRefusal::NoPostbackKey))?;
    let caller = within_limit(edge, credential, EventKind::Sale)?;
    let now = (edge.now)();
    let made = read(get).map_err(EdgeRefusal::from).and_then(|said| stamp(edge, caller, said, now));
    let (conversion, event) = made.inspect_err(|_| edge.count_refused(caller.company, EventKind::Sale))?;
    decide(edge, conversion, event).await
}

fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Said, Invalid> {
    let required = |name: &'static str| get(name).ok_or_else(|| Invalid::new(name, "is required"));
    let currency = Currency::parse(get("currency").unwrap_or("USD"))
        .map_err(|error| Invalid::new("currency", error.to_string()))?;
    let amount =
        currency.parse_major(required("amount")?).map_err(|error| Invalid::new("amount", error.to_string()))?;
    if amount > ORDER_VALUE_MAX {
        return Err(Invalid::new("amount", "is too large"));
    }
    let order_id = required("txid")?;
    if order_id.is_empty() || order_id.chars().count() > ORDER_ID_CHARS_MAX || order_id.contains('\0') {
        return Err(Invalid::new("txid", format!("takes a text of 1 to {ORDER_ID_CHARS_MAX} characters")));
    }
    Ok(Said {
        order_id: order_id.to_owned(),
        amount_minor: amount,
        currency,
        code: None,
        receipt: Some(Receipt::parse(required("click_id")?).map_err(|_| forged("click_id"))?),
        receipt_field: "click_id",
        customer_id: None,
        customer_email: None,
        occurred_at: None,
        metadata: None,
    })
}
