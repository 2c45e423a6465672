//! An answer cut out of what a connection has brought so far.

use std::{borrow::Cow, ops::Range};

use anyhow::{Context as _, bail, ensure};

/// Of one answer, all of it.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 << 20;
const HEADERS_MAX: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) location: Option<&'a [u8]>,
    pub(crate) body: Cow<'a, [u8]>,
    /// Whether the connection ends with it.
    pub(crate) closes: bool,
}

/// The answer, once all of it is there; nothing may come after it, as nothing more was asked.
pub(crate) fn read(bytes: &[u8], ended: bool) -> anyhow::Result<Option<Answer<'_>>> {
    ensure!(bytes.len() <= ANSWER_BYTES_MAX, "an answer has more than {ANSWER_BYTES_MAX} bytes");
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).context("an answer is not HTTP")? else {
        ensure!(!ended, "the connection ended in an answer's head");
        return Ok(None);
    };
    let status = head.code.context("an answer has no status")?;
    if status < 200 {
        // What only says that the answer is on its way.
        return read(&bytes[length..], ended);
    }
    let found = Head::of(status, head.version, head.headers)?;
    let rest = &bytes[length..];
    let (body, end) = match found.body {
        Framing::Length(length) if rest.len() >= length => (Cow::Borrowed(&rest[..length]), length),
        Framing::UntilEnd if ended => (Cow::Borrowed(rest), rest.len()),
        Framing::Chunked => match chunks(rest)? {
            Some((pieces, end)) => (pieces.iter().flat_map(|piece| &rest[piece.clone()]).copied().collect(), end),
            None if ended => bail!("the connection ended in an answer's chunks"),
            None => return Ok(None),
        },
        Framing::Length(_) if ended => bail!("the connection ended in an answer's body"),
        Framing::Length(_) | Framing::UntilEnd => return Ok(None),
    };
    ensure!(end == rest.len(), "more came than one answer");
    Ok(Some(Answer { status, location: found.location, body, closes: found.closes || ended }))
}

enum Framing {
    Length(usize),
    Chunked,
    UntilEnd,
}

struct Head<'a> {
    body: Framing,
    location: Option<&'a [u8]>,
    closes: bool,
}

impl<'a> Head<'a> {
    fn of(status: u16, version: Option<u8>, headers: &[httparse::Header<'a>]) -> anyhow::Result<Head<'a>> {
        let mut head = Head { body: Framing::UntilEnd, location: None, closes: version == Some(0) };
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") && !matches!(head.body, Framing::Chunked) {
                let length = std::str::from_utf8(header.value)?.trim();
                head.body = Framing::Length(length.parse().context("an answer's length is no number")?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                ensure!(header.value.eq_ignore_ascii_case(b"chunked"), "an answer comes in an unknown encoding");
                head.body = Framing::Chunked;
            } else if header.name.eq_ignore_ascii_case("connection") {
                head.closes = header.value.eq_ignore_ascii_case(b"close")
                    || (head.closes && !header.value.eq_ignore_ascii_case(b"keep-alive"));
            } else if header.name.eq_ignore_ascii_case("location") {
                head.location = Some(header.value);
            }
        }
        if matches!(status, 204 | 304) {
            head.body = Framing::Length(0);
        }
        head.closes |= matches!(head.body, Framing::UntilEnd);
        Ok(head)
    }
}

/// Where the pieces of a chunked body lie and where it ends, if all of it is there.
fn chunks(bytes: &[u8]) -> anyhow::Result<Option<(Vec<Range<usize>>, usize)>> {
    let (mut at, mut pieces) = (0, Vec::new());
    loop {
        let size = httparse::parse_chunk_size(&bytes[at..]);
        let size = size.map_err(|_| anyhow::anyhow!("an answer's chunk has no size"))?;
        let httparse::Status::Complete((line, size)) = size else { return Ok(None) };
        let size = usize::try_from(size).ok().filter(|size| *size <= ANSWER_BYTES_MAX);
        let size = size.with_context(|| format!("an answer's chunk has more than {ANSWER_BYTES_MAX} bytes"))?;
        let (from, to) = (at + line, at + line + size);
        let Some(end) = bytes.get(to..to + 2) else { return Ok(None) };
        ensure!(end == b"\r\n", "an answer's chunk does not end, or it has trailers");
        if size == 0 {
            return Ok(Some((pieces, to + 2)));
        }
        pieces.push(from..to);
        at = to + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read whole and cut at every byte.
    fn check(bytes: &str, ended: bool, wanted: Result<(u16, &str, bool), &str>) {
        match (read(bytes.as_bytes(), ended), wanted) {
            (Ok(Some(answer)), Ok((status, body, closes))) => {
                assert_eq!((answer.status, &*answer.body, answer.closes), (status, body.as_bytes(), closes), "{bytes}");
            }
            (Err(error), Err(says)) => assert!(format!("{error:#}").contains(says), "{bytes}: {error:#}"),
            (read, wanted) => panic!("{bytes}: {read:?} and not {wanted:?}"),
        }
        if wanted.is_ok() && !ended {
            for cut in 0..bytes.len() {
                assert_eq!(read(&bytes.as_bytes()[..cut], false).expect(bytes), None, "{bytes} up to {cut}");
            }
        }
    }

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there() {
        check("HTTP/1.1 204 No Content\r\n\r\n", false, Ok((204, "", false)));
        check("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", false, Ok((204, "", true)));
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, Ok((200, "abc", false)));
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            false,
            Ok((200, "abc", false)),
        );
        check(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
            false,
            Ok((200, "x", false)),
        );
        check("HTTP/1.0 200 OK\r\n\r\nall", true, Ok((200, "all", true)));
        check("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", false, Ok((200, "x", true)));
        check("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx", false, Ok((200, "x", false)));
        check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", true, Err("ended in an answer's body"));
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab", true, Err("ended in an answer's chunks"));
        check("HTTP/1.1 200", true, Err("ended in an answer's head"));
        check("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxy", false, Err("more came"));
        check("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", false, Err("no number"));
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", false, Err("unknown encoding"));
        check("SMTP ready\r\n\r\n", false, Err("not HTTP"));
    }
}
