use httparse::{EMPTY_HEADER, Request, Status};

const HEADERS_MAX: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Unfinished,
    /// How long the head is and how long its body, and whether the client wants no answer after this one.
    Head {
        bytes: usize,
        body: u64,
        last: bool,
    },
    Bad,
}

/// What the bytes begin with.
pub(super) fn next(bytes: &[u8]) -> Next {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let head = match request.parse(bytes) {
        Ok(Status::Complete(head)) => head,
        Ok(Status::Partial) => return Next::Unfinished,
        Err(_) => return Next::Bad,
    };
    let (mut body, mut last) = (0, request.version == Some(0));
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            match std::str::from_utf8(header.value).ok().and_then(|length| length.trim().parse().ok()) {
                Some(length) => body = length,
                None => return Next::Bad,
            }
        } else if header.name.eq_ignore_ascii_case("connection") {
            last |= header.value.eq_ignore_ascii_case(b"close");
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            // No load that is measured here comes in chunks.
            return Next::Bad;
        }
    }
    Next::Head { bytes: head, body, last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_its_request_ends() {
        let head = |bytes, body, last| Next::Head { bytes, body, last };
        for (text, expected) in [
            ("POST / HTTP/1.1\r\n\r\n", head(19, 0, false)),
            ("POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n{", head(39, 12, false)),
            ("POST / HTTP/1.1\r\nconnection: Close\r\n\r\n", head(38, 0, true)),
            ("GET / HTTP/1.0\r\n\r\n", head(18, 0, true)),
            ("POST / HTTP/1.1\r\nContent-Length: 1", Next::Unfinished),
            ("", Next::Unfinished),
            ("POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", Next::Bad),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Next::Bad),
            ("not HTTP at all\r\n\r\n", Next::Bad),
        ] {
            assert_eq!(next(text.as_bytes()), expected, "{text:?}");
        }
    }
}
