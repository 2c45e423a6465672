//! What holds for every path, said once: operation ids, and the refusals that any request may meet.

use http::StatusCode;
use utoipa::openapi::{ContentBuilder, HttpMethod, OpenApi, Ref, RefOr, Response, ResponseBuilder, path::Operation};

/// Makes a document of the router's paths whole.
pub(crate) fn finish(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Patch, &mut item.patch),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(id(&method, path));
                refusals(path, operation);
                describe(operation);
            }
        }
    }
}

/// One name a method and path: `get_companies_conversions_id`.
fn id(method: &HttpMethod, path: &str) -> String {
    let method = match method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Post => "post",
        _ => "patch",
    };
    let parts = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.fold(method.to_owned(), |id, part| id + "_" + part)
}

fn refusals(path: &str, operation: &mut Operation) {
    let mut may = |status: StatusCode, description: &str| {
        let responses = &mut operation.responses.responses;
        responses.entry(status.as_str().to_owned()).or_insert_with(|| RefOr::T(refusal(description)));
    };
    if operation.request_body.is_some() {
        may(StatusCode::REQUEST_TIMEOUT, "`TIMEOUT`: the body took longer than 10 s");
        may(StatusCode::PAYLOAD_TOO_LARGE, "`PAYLOAD_TOO_LARGE`: more than 64 KiB");
        may(StatusCode::UNSUPPORTED_MEDIA_TYPE, "`UNSUPPORTED_MEDIA_TYPE`: takes application/json");
    }
    if operation.security.is_some() {
        may(StatusCode::TOO_MANY_REQUESTS, "`RATE_LIMITED` with `Retry-After`: too many requests of one key");
    }
    let from_memory = ["/healthz", "/openapi.json", "/docs", "/r/{code}"];
    if !from_memory.contains(&path) {
        may(StatusCode::SERVICE_UNAVAILABLE, "`UNAVAILABLE` with `Retry-After`");
    }
}

fn refusal(description: &str) -> Response {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
    ResponseBuilder::new().description(description).content("application/json", body).build()
}

/// The format asks for a description of every response.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status: Option<StatusCode> = status.parse().ok();
            response.description = status.and_then(|status| status.canonical_reason()).unwrap_or("answer").to_owned();
        }
    }
}
