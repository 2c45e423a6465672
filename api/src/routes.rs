//! Every path of this API with its handler. What is routed here is documented, as both are made from one list.

use std::sync::Arc;

use axum::{Router, middleware, response::Response, routing::get};
use http::{HeaderValue, header};
use utoipa::{OpenApi, openapi::OpenApi as Document};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api, ApiDeps, Ready, affiliates, auth, balances, companies, conversions, error::ApiError, health, links, openapi,
    programs,
};

/// Answers everything but the edge's own paths.
pub fn router(deps: ApiDeps) -> Router {
    let (routes, document) = documented();
    let routes = routes.with_state(Arc::new(deps)).layer(middleware::map_response(not_stored));
    unknown_refused(routes.merge(openapi::docs(document)).merge(auth::login::pages()))
}

/// Answers who asks how this process is, and nobody else.
pub fn surroundings(ready: Ready) -> Router {
    let routes = Router::new().route("/healthz", get(health::healthz)).route("/readyz", get(health::readyz));
    unknown_refused(routes.with_state(ready).layer(middleware::map_response(not_stored)))
}

fn documented() -> (Router<Api>, Document) {
    let all = OpenApiRouter::with_openapi(openapi::Base::openapi());
    let all = all.merge(sign_in()).merge(of_companies()).merge(of_affiliates()).merge(of_both());
    let (routes, mut document) = all.split_for_parts();
    openapi::finish(&mut document);
    (routes, document)
}

fn sign_in() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(auth::magic_link::magic_link))
        .routes(routes!(auth::verify::verify))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::logout::logout_all))
}

fn of_companies() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(companies::register::register))
        .routes(routes!(companies::dashboard::dashboard))
        .routes(routes!(companies::settings::settings, companies::update::update))
        .routes(routes!(companies::analytics::analytics))
        .routes(routes!(companies::conversions::conversions))
        .routes(routes!(companies::review::review))
        .routes(routes!(companies::keys::rotate_key))
        .routes(routes!(companies::keys::postback_key))
        .routes(routes!(companies::pause::pause))
        .routes(routes!(companies::link_list::list_links, companies::links::make_link))
        .routes(routes!(companies::outcomes::outcomes))
        .routes(routes!(companies::ledger::ledger))
}

fn of_affiliates() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(affiliates::dashboard::dashboard))
        .routes(routes!(affiliates::earnings::earnings))
        .routes(routes!(affiliates::settings::settings, affiliates::settings::update_settings))
        .routes(routes!(affiliates::join::join))
        .routes(routes!(affiliates::links::links))
}

fn of_both() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(programs::programs))
        .routes(routes!(conversions::show::show))
        .routes(routes!(conversions::refund::refund))
        .routes(routes!(balances::balances))
        .routes(routes!(links::clicks::clicks))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

fn unknown_refused(routes: Router) -> Router {
    routes.fallback(async || ApiError::NoSuchPath).method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
}

/// Keys, tokens and numbers of one moment: no cache keeps them.
async fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the document names, as `METHOD path`.
    fn named(document: &Document) -> BTreeSet<String> {
        let document = serde_json::to_value(document).unwrap();
        let methods = |(path, item): (&String, &serde_json::Value)| {
            let methods = item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase()));
            methods.collect::<Vec<_>>()
        };
        document["paths"].as_object().unwrap().iter().flat_map(methods).collect()
    }

    #[test]
    fn the_document_names_every_path_of_the_house() {
        let wanted = "
            POST /auth/magic-link|POST /auth/verify|POST /auth/logout|POST /auth/logout-all
            POST /companies/register|GET /companies/dashboard|GET /companies/settings|PUT /companies/settings
            GET /companies/analytics|GET /companies/conversions|PATCH /companies/conversions/{id}
            POST /companies/rotate-key|POST /companies/postback-key|POST /companies/pause
            POST /companies/links|GET /companies/links|GET /companies/outcomes|GET /companies/ledger
            GET /affiliates/dashboard|GET /affiliates/earnings|GET /affiliates/settings|PUT /affiliates/settings
            POST /affiliates/programs|GET /affiliates/links
            POST /track/click|POST /track/conversion|POST /track/batch|GET /r/{code}|GET /postback
            GET /programs|GET /conversions/{id}|POST /conversions/{id}/refund|GET /balances|GET /links/{code}/clicks
            GET /healthz|GET /readyz|GET /openapi.json|GET /docs|GET /login";
        let wanted = wanted.split(['\n', '|']).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
        assert_eq!(named(&documented().1), wanted.collect());
    }

    #[test]
    fn the_document_is_3_1_and_complete() {
        let document = serde_json::to_value(documented().1).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let after = |part: &str| part.split('"').next().unwrap_or_default().to_owned();
        let used: BTreeSet<String> = text.split("#/components/schemas/").skip(1).map(after).collect();
        let missing: Vec<&String> = used.iter().filter(|name| !schemas.contains_key(*name)).collect();
        assert!(missing.is_empty() && used.len() > 20, "{missing:?}");
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path} says not what it does");
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path} has another's id");
                let responses = operation["responses"].as_object().unwrap();
                let described = |response: &serde_json::Value| {
                    response["description"].as_str().is_some_and(|text| !text.is_empty())
                };
                assert!(!responses.is_empty() && responses.values().all(described), "{method} {path}: {responses:?}");
            }
        }
    }
}
