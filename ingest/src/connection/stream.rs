//! The socket as hyper sees it, with its progress noted on the way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::progress::Progress;

pub(super) struct Watched {
    stream: TcpStream,
    progress: Arc<Progress>,
    scan: Scan,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { stream, progress, scan: Scan::default() }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn note_read(&mut self, bytes: &[u8]) {
        self.progress.received(bytes.len());
        if bytes.is_empty() {
            self.progress.peer_closes();
            return;
        }
        if !self.progress.wants_head() {
            return;
        }
        let end = self.scan.feed(bytes);
        if self.scan.begun || end.is_some() {
            self.progress.first_byte();
        }
        if let Some(end) = end {
            self.progress.head_ended(bytes.len() - end);
        }
    }

    fn note_write<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &written {
            Poll::Pending => self.progress.write_blocked(),
            Poll::Ready(_) => self.progress.wrote(),
        }
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = &read {
            self.note_read(&buf.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Left to the driver, which has a bound for it.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Finds where a head begins and ends, as hyper's parser does: empty lines before it are skipped,
/// one after it ends it.
#[derive(Default)]
struct Scan {
    begun: bool,
    in_line: bool,
}

impl Scan {
    /// How many of the bytes belong to the head, once its end is among them.
    fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut from = 0;
        for at in memchr::memchr_iter(b'\n', bytes) {
            self.read_on(&bytes[from..at]);
            if self.begun && !self.in_line {
                *self = Self::default();
                return Some(at + 1);
            }
            (self.in_line, from) = (false, at + 1);
        }
        self.read_on(&bytes[from..]);
        None
    }

    /// Within a line.
    fn read_on(&mut self, bytes: &[u8]) {
        if bytes.iter().any(|byte| *byte != b'\r') {
            (self.begun, self.in_line) = (true, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_empty_line() {
        for (text, end) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Some(27)),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", Some(27)),
            ("\r\n\r\nGET / HTTP/1.0\r\n\r\nx", Some(22)),
            ("GET / HTTP/1.0\n\nx", Some(16)),
            ("GET / HTTP/1.0\r\n\n", Some(17)),
            ("GET / HTTP/1.0\r\nA: b\r\n", None),
            ("\r\n\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(Scan::default().feed(text.as_bytes()), end, "{text:?}");
            let mut scan = Scan::default();
            let ends = text.bytes().position(|byte| scan.feed(&[byte]).is_some());
            assert_eq!(ends.map(|at| at + 1), end, "{text:?} byte by byte");
        }
    }
}
