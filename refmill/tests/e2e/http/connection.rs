use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{Reply, Request, fresh_address};

/// Longer than any limit of the server's, so that a hang is the server's.
const PATIENCE: Duration = Duration::from_secs(30);

/// One TCP connection, kept alive.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    pub(crate) fn open(to: SocketAddr, source: Option<Ipv4Addr>) -> io::Result<Connection> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((source.unwrap_or_else(fresh_address), 0)).into())?;
        socket.connect(&to.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection { stream: BufReader::new(stream), host: to.to_string() })
    }

    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Reply> {
        let refused_early = self.write(&request.bytes(&self.host));
        // A refusal may come before all of the body is sent.
        self.read(request.is_head()).or_else(|error| refused_early.and(Err(error)))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub(crate) fn write_request(&mut self, request: &Request) -> io::Result<()> {
        self.write(&request.bytes(&self.host))
    }

    pub(crate) fn read(&mut self, to_head: bool) -> io::Result<Reply> {
        Reply::read(&mut self.stream, to_head)
    }

    /// Whether an answer, or the end, is there to be read.
    pub(crate) fn has_answer(&self) -> io::Result<bool> {
        if !self.stream.buffer().is_empty() {
            return Ok(true);
        }
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true)?;
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        match peeked {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}
