//! The edge's paths. The edge answers them; they are described here, beside all others.
#![expect(dead_code, reason = "these describe, and nothing calls them")]

use utoipa::{IntoParams, ToSchema};

use crate::{error::ErrorBody, reply::Envelope};

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Click {
    /// Affiliate link code, in any case.
    #[schema(min_length = 3, max_length = 64, example = "abc123")]
    code: String,
    /// An http(s) URL of at most 2,048 characters. Host and path are kept.
    #[schema(example = "https://acme.com/pricing")]
    landing_page: String,
    /// Its host is kept.
    #[schema(example = "https://twitter.com")]
    referrer: Option<String>,
    /// A browser's fingerprint: a keyed hash of it is kept.
    fingerprint: Option<String>,
    #[schema(example = "twitter")]
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
    /// Any string: the same one again on the same code within an hour is the same click.
    #[schema(max_length = 64)]
    event_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Clicked {
    /// False where the program is paused.
    #[schema(example = true)]
    tracked: bool,
    /// The click's receipt: a sale that brings it back is attributed to this click. Absent where it was not tracked.
    #[schema(max_length = 64)]
    click_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Sale {
    /// 1 to 255 characters, unique in the company for good.
    #[schema(min_length = 1, max_length = 255, example = "order_12345")]
    order_id: String,
    /// Minor units, 0 to 10^12.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 9999)]
    order_value: i64,
    /// ISO 4217 code, in either case. Default: USD.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// Affiliate link code, in any case.
    #[schema(example = "abc123")]
    affiliate_code: String,
    /// Any object of at most 16 KiB: a keyed hash of it is kept.
    #[schema(value_type = Option<Object>)]
    metadata: Option<String>,
    /// A click's receipt.
    click_id: Option<String>,
    /// The company's id of the customer: a keyed hash of it is kept.
    customer_id: Option<String>,
    /// A keyed hash of it is kept.
    customer_email: Option<String>,
    /// RFC 3339, from 90 days back to 5 minutes ahead. Default: when the log takes it.
    #[schema(format = DateTime)]
    occurred_at: Option<String>,
}

/// Amounts are minor units.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Converted {
    #[schema(example = "conv_00000000000000000000000001")]
    conversion_id: String,
    #[schema(example = 1000)]
    commission_amount: i64,
    /// The affiliate's part of the commission.
    #[schema(example = 800)]
    affiliate_payout: i64,
    /// `pending` (under review), `approved` or `rejected`.
    #[schema(example = "approved")]
    status: String,
    /// From 0 to 1, two decimals.
    #[schema(example = 0.05)]
    fraud_score: f64,
    /// `attributed` or `unattributed`.
    #[schema(example = "attributed")]
    outcome: String,
    /// Why nobody is credited, for example `no_click_in_window`.
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// Not decided yet: ask `GET /conversions/{id}`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Accepted {
    #[schema(example = "conv_00000000000000000000000001")]
    conversion_id: String,
    #[schema(example = "processing")]
    status: String,
}

#[derive(ToSchema)]
struct BatchResults {
    /// One for each item, in order.
    results: Vec<BatchResult>,
}

/// What the item alone would have been answered with; a conversion's is 202.
#[derive(ToSchema)]
struct BatchResult {
    #[schema(example = 200)]
    status: u16,
    #[schema(value_type = Option<Object>, nullable = false)]
    data: Option<String>,
    #[schema(value_type = Option<Object>, nullable = false)]
    error: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Redirected {
    /// An http(s) URL under the company's domain to go to in place of the link's destination.
    to: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct PostedBack {
    /// The click's receipt.
    click_id: String,
    /// Decimal, in major units, with at most as many decimals as the currency has.
    #[param(example = "99.99")]
    amount: String,
    /// ISO 4217 code.
    #[param(example = "USD")]
    currency: String,
    /// The order id.
    txid: String,
    /// The company's postback key, `pb_live_…`.
    key: String,
}

/// Records a click
///
/// Also as `text/plain`, so that browsers need no preflight. A bot gets the same answer as a person and is not counted.
#[utoipa::path(post, path = "/track/click", tag = "tracking", request_body = Click, responses(
    (status = 200, body = Envelope<Clicked>),
    (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
    (status = 404, description = "`NOT_FOUND`: unknown code", body = ErrorBody),
    (status = 413, description = "`PAYLOAD_TOO_LARGE`: more than 8 KiB", body = ErrorBody),
    (status = 429, description = "`RATE_LIMITED` with `Retry-After`: too many clicks of one address", body = ErrorBody),
    (status = 503, description = "`UNAVAILABLE` with `Retry-After`", body = ErrorBody),
))]
pub(super) fn track_click() {}

/// Records a conversion and answers with its commission
///
/// Attributed to the newest click of the code inside the window, or to the one whose receipt it brings.
#[utoipa::path(post, path = "/track/conversion", tag = "tracking", security(("key" = [])), request_body = Sale, responses(
    (status = 200, body = Envelope<Converted>),
    (status = 202, body = Envelope<Accepted>, description = "Not decided in time; `Location` names where to ask again"),
    (status = 400, description = "`VALIDATION_ERROR`, also for a forged or another company's receipt", body = ErrorBody),
    (status = 401, description = "`UNAUTHORIZED`: no live secret key", body = ErrorBody),
    (status = 404, description = "`NOT_FOUND`: unknown code, or another company's", body = ErrorBody),
    (status = 409, description = "`DUPLICATE`: the order was sent before; `error.conversionId` names the first", body = ErrorBody),
    (status = 413, description = "`PAYLOAD_TOO_LARGE`: more than 64 KiB", body = ErrorBody),
    (status = 429, description = "`RATE_LIMITED` with `Retry-After`: too many requests of one key", body = ErrorBody),
    (status = 503, description = "`UNAVAILABLE` with `Retry-After`", body = ErrorBody),
))]
pub(super) fn track_conversion() {}

/// Records up to 1,000 clicks and conversions
///
/// An array, or a line each as `application/x-ndjson`, of clicks and conversions with a `type` of `click` or `conversion`.
/// Conversions need the secret key; without it each is 401 in its place.
#[utoipa::path(post, path = "/track/batch", tag = "tracking", security((), ("key" = [])),
    request_body(content = Vec<Object>, description = "At most 1,000 items and 1 MiB"),
    responses(
        (status = 200, body = Envelope<BatchResults>),
        (status = 400, description = "`VALIDATION_ERROR`: no array and no lines", body = ErrorBody),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`: nothing was taken", body = ErrorBody),
        (status = 503, description = "`UNAVAILABLE` with `Retry-After`", body = ErrorBody),
    ))]
pub(super) fn track_batch() {}

/// Follows a link
///
/// To its destination with `ref` and the receipt `rm_click` added; always there, if need be without a receipt.
#[utoipa::path(get, path = "/r/{code}", tag = "tracking",
    params(("code" = String, Path, description = "In any case"), Redirected),
    responses(
        (status = 302, description = "`Location` is the destination"),
        (status = 400, description = "`VALIDATION_ERROR`: `to` is not under the company's domain", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`: unknown code", body = ErrorBody),
    ))]
pub(super) fn redirect() {}

/// Records a conversion from a tracker
#[utoipa::path(get, path = "/postback", tag = "tracking", params(PostedBack), responses(
    (status = 200, body = Envelope<Converted>),
    (status = 202, body = Envelope<Accepted>, description = "Not decided in time; `Location` names where to ask again"),
    (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
    (status = 401, description = "`UNAUTHORIZED`: no live postback key", body = ErrorBody),
    (status = 409, description = "`DUPLICATE`: the order was sent before", body = ErrorBody),
    (status = 429, description = "`RATE_LIMITED` with `Retry-After`", body = ErrorBody),
    (status = 503, description = "`UNAVAILABLE` with `Retry-After`", body = ErrorBody),
))]
pub(super) fn postback() {}
