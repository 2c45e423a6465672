//! One connection and the request that is under way on it: at most one, as browsers and SDKs do.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::Context as _;
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fd::OwnedFd,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::ask::Sent;

/// For a connection that is opened ahead.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

pub(crate) struct Connection {
    address: SocketAddr,
    /// Under which the system tells of it.
    token: u64,
    socket: Option<TcpStream>,
    connecting: bool,
    unsent: Vec<u8>,
    pub(crate) came: Vec<u8>,
    pub(crate) flight: Option<Flight>,
    /// Since when it waits for a request, in ns on the thread's clock.
    pub(crate) free_since: u64,
    /// Requests sent on what is open now.
    pub(crate) used: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Flight {
    pub(crate) sent: Sent,
    pub(crate) due: u64,
    pub(crate) began: u64,
}

/// What a reading has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Nothing,
    /// So many bytes, and there may be more.
    Bytes(usize),
    End,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr, token: u64) -> Connection {
        Connection {
            address,
            token,
            socket: None,
            connecting: false,
            unsent: Vec::new(),
            came: Vec::new(),
            flight: None,
            free_since: 0,
            used: 0,
        }
    }

    /// Opens it ahead of its first request, and waits for that.
    pub(crate) fn open(&mut self, epoll: &OwnedFd) -> anyhow::Result<()> {
        let socket = TcpStream::connect_timeout(&self.address, CONNECT_WAIT);
        let socket = socket.with_context(|| format!("no connection to {} was made", self.address))?;
        socket.set_nonblocking(true)?;
        self.follow(socket, epoll)?;
        Ok(())
    }

    /// Sends it all, or what goes now; the rest follows when there is room. Opens the connection where there is none.
    pub(crate) fn send(&mut self, request: &[u8], epoll: &OwnedFd) -> io::Result<()> {
        self.used += 1;
        if self.socket.is_none() {
            self.begin_to_connect(epoll)?;
        }
        if self.connecting {
            self.unsent.extend_from_slice(request);
            return Ok(());
        }
        let gone = self.write(request)?;
        self.unsent.extend_from_slice(&request[gone..]);
        Ok(())
    }

    /// There is room again, or the connection is made.
    pub(crate) fn has_room(&mut self) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        self.connecting = false;
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            let gone = self.write(&unsent)?;
            self.unsent.extend_from_slice(&unsent[gone..]);
        }
        Ok(())
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Came> {
        let Some(socket) = self.socket.as_mut().filter(|_| !self.connecting) else { return Ok(Came::Nothing) };
        loop {
            return match socket.read(buffer) {
                Ok(0) => Ok(Came::End),
                Ok(count) => Ok(Came::Bytes(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Came::Nothing),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    pub(crate) fn close(&mut self) {
        self.socket = None;
        self.connecting = false;
        self.unsent.clear();
        self.came.clear();
        self.used = 0;
    }

    fn begin_to_connect(&mut self, epoll: &OwnedFd) -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        match socket.connect(&self.address.into()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(error);
            }
            connected => self.connecting = connected.is_err(),
        }
        self.follow(socket.into(), epoll)
    }

    /// What is sent goes at once, not when there is more of it. Told once of each change: what there is must be taken whole.
    fn follow(&mut self, socket: TcpStream, epoll: &OwnedFd) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let of_interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(epoll, &socket, EventData::new_u64(self.token), of_interest)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// How many bytes went.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(socket) = &mut self.socket else { return Ok(0) };
        let mut gone = 0;
        while gone < bytes.len() {
            match socket.write(&bytes[gone..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => gone += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }
}
