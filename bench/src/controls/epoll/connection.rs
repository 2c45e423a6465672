use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::request::{self, Next};

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const LAST_ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a request's head may have at the most.
const HEAD_BYTES_MAX: usize = 64 << 10;

pub(super) struct Connection {
    stream: TcpStream,
    /// The beginning of a head whose end hasn't come yet.
    head: Vec<u8>,
    /// Of the request under way: bytes of its body that haven't come yet, and whether it is the last.
    body: Option<(u64, bool)>,
    answers: Vec<u8>,
    /// Nothing more is answered: what still comes goes nowhere until the other side closes too.
    last: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Yes,
    No,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Connection {
        Connection { stream, head: Vec::new(), body: None, answers: Vec::new(), last: false }
    }

    pub(super) fn turn(&mut self, buffer: &mut [u8], read_closed: bool) -> Open {
        self.try_turn(buffer, read_closed).unwrap_or(Open::No)
    }

    /// Reads only when all answers are gone: a client that doesn't read gets no more of them.
    fn try_turn(&mut self, buffer: &mut [u8], read_closed: bool) -> io::Result<Open> {
        while self.sent()? {
            let read = match self.stream.read(buffer) {
                Ok(0) => return Ok(Open::No),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Open::Yes),
                Err(error) => return Err(error),
            };
            self.take(&buffer[..read]);
            // Less than there was room for is all there was: what comes later is another event. Its end comes with no other.
            if read < buffer.len() && !read_closed {
                self.sent()?;
                return Ok(Open::Yes);
            }
        }
        Ok(Open::Yes)
    }

    /// Whether all answers are gone.
    fn sent(&mut self) -> io::Result<bool> {
        while !self.answers.is_empty() {
            match self.stream.write(&self.answers) {
                Ok(sent) => drop(self.answers.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if self.last && self.answers.is_empty() {
                self.stream.shutdown(Shutdown::Write)?;
            }
        }
        Ok(true)
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !self.last && !bytes.is_empty() {
            bytes = match self.body.take() {
                Some((missing, last)) => self.body_came(bytes, missing, last),
                None => self.head_came(bytes),
            };
        }
    }

    fn body_came<'a>(&mut self, bytes: &'a [u8], missing: u64, last: bool) -> &'a [u8] {
        let here = usize::try_from(missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
        match missing - here as u64 {
            0 => self.answer(last),
            missing => self.body = Some((missing, last)),
        }
        &bytes[here..]
    }

    /// Returns what comes after the head. Most heads come in one piece, and are not copied.
    fn head_came<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let before = self.head.len();
        let next = if before == 0 {
            request::next(bytes)
        } else {
            self.head.extend_from_slice(bytes);
            request::next(&self.head)
        };
        match next {
            Next::Head { bytes: head, body, last } => {
                self.head.clear();
                match body {
                    0 => self.answer(last),
                    body => self.body = Some((body, last)),
                }
                &bytes[head - before..]
            }
            Next::Unfinished if before + bytes.len() <= HEAD_BYTES_MAX => {
                if before == 0 {
                    self.head.extend_from_slice(bytes);
                }
                &[]
            }
            Next::Unfinished | Next::Bad => {
                self.answers.extend_from_slice(REFUSAL);
                self.last = true;
                &[]
            }
        }
    }

    fn answer(&mut self, last: bool) {
        self.answers.extend_from_slice(if last { LAST_ANSWER } else { ANSWER });
        self.last = last;
    }
}
