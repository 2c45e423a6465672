//! What hyper lets through and a proxy in front might read otherwise.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{Method, Request, Version};

use super::refusal::Refusal;

/// `Content-Length` beside `Transfer-Encoding` never gets here: hyper drops the length, reads the
/// chunks and closes after its answer.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let headers = request.headers();
    match headers.get_all(HOST).iter().count() {
        1 => {}
        0 if request.version() < Version::HTTP_11 => {}
        0 => return Err(Refusal::invalid("a request names its Host")),
        _ => return Err(Refusal::invalid("a request names one Host")),
    }
    if request.method() == Method::CONNECT {
        return Err(Refusal::invalid("CONNECT is for proxies"));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
        let chunked =
            encodings.next().is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
        if !chunked || encodings.next().is_some() || headers.contains_key(CONTENT_LENGTH) {
            return Err(Refusal::invalid("Transfer-Encoding takes chunked and no Content-Length"));
        }
    }
    Ok(())
}
