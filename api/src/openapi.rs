//! The OpenAPI document, and a page to read it with that needs no other host.

mod edge;
mod finish;

pub(crate) use finish::finish;

use axum::{Router, middleware, response::Response};
use http::{HeaderValue, header};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// What the document holds beside the paths of the router.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Refmill",
        description = "Who referred which customer, what that is worth, whether it smells of fraud, and why. Amounts are integers \
            in minor units of their currency; times are RFC 3339; days are UTC. Unknown fields are ignored, and optional ones may be \
            null."
    ),
    paths(
        edge::track_click,
        edge::track_conversion,
        edge::track_batch,
        edge::redirect,
        edge::postback,
        openapi_json,
        docs_page,
        login_page
    ),
    tags(
        (name = "auth", description = "Signing in without a password"),
        (name = "companies", description = "Takes a company's token or its secret key"),
        (name = "affiliates", description = "Takes an affiliate's token"),
        (name = "tracking", description = "Clicks and conversions"),
        (name = "conversions"),
        (name = "links"),
        (name = "programs"),
        (name = "balances"),
        (name = "surroundings"),
    ),
    modifiers(&Credentials)
)]
pub(crate) struct Base;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let key = ApiKeyValue::with_description("x-api-key", "A company's secret key, `sk_live_…`");
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        components.add_security_scheme("key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "surroundings", responses((status = 200, body = Object)))]
#[expect(dead_code, reason = "the page's router serves it")]
fn openapi_json() {}

/// This document as a page
#[utoipa::path(get, path = "/docs", tag = "surroundings", responses(
    (status = 200, content_type = "text/html", body = String),
))]
#[expect(dead_code, reason = "the page's router serves it")]
fn docs_page() {}

/// The page that a mail's link opens
///
/// Signs in when a person presses its button; opening it alone uses nothing up.
#[utoipa::path(get, path = "/login", tag = "auth",
    params(("token" = Option<String>, Query, description = "As the mail has it")),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[expect(dead_code, reason = "the sign-in page's router serves it")]
fn login_page() {}

/// Serves `/openapi.json` and `/docs`.
pub(crate) fn docs(document: Document) -> Router {
    let page = SwaggerUi::new("/docs").url("/openapi.json", document).config(Config::default().validator_url("none"));
    Router::from(page).layer(middleware::map_response(of_this_host))
}

/// Has browsers load nothing from another host, whatever the page's scripts ask for.
async fn of_this_host(mut response: Response) -> Response {
    let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
