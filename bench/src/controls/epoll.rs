//! One thread around one epoll: the floor that the kernel sets for a request over a socket.

use std::io;
use std::time::Duration;

use anyhow::Context as _;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use connection::{Connection, Open};

mod connection;
mod request;

const EVENTS: usize = 1_024;
const CONNECTIONS_MAX: usize = 65_536;
const READ_BYTES: usize = 64 << 10;
const LISTENER: Token = Token(usize::MAX);

pub(super) struct Server {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    /// By token; a place that is empty stands in `free`.
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// What was read last, of whichever connection.
    buffer: Box<[u8]>,
}

impl Server {
    pub(super) fn new(listener: std::net::TcpListener) -> anyhow::Result<Server> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Server { poll, events: Events::with_capacity(EVENTS), listener, connections: vec![], free: vec![], buffer })
    }

    /// Waits for what happens next, no longer than `wait`, and deals with all of it.
    pub(super) fn turn(&mut self, wait: Option<Duration>) -> anyhow::Result<()> {
        match self.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error).context("epoll failed"),
            _ => {}
        }
        let mut came = false;
        for event in &self.events {
            if event.token() == LISTENER {
                came = true;
                continue;
            }
            let place = event.token().0;
            // A connection that has ended in this turn may still have an event in it.
            let Some(connection) = self.connections.get_mut(place).and_then(Option::as_mut) else { continue };
            let open = connection.turn(&mut self.buffer, event.is_read_closed());
            if open == Open::No {
                self.connections[place] = None;
                self.free.push(place);
            }
        }
        if came { self.accept() } else { Ok(()) }
    }

    /// Epoll says once that somebody came, however many did.
    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    let place = self.free.pop().unwrap_or(self.connections.len());
                    anyhow::ensure!(place < CONNECTIONS_MAX, "{CONNECTIONS_MAX} connections are the most");
                    stream.set_nodelay(true)?;
                    let both = Interest::READABLE | Interest::WRITABLE;
                    self.poll.registry().register(&mut stream, Token(place), both)?;
                    if place == self.connections.len() {
                        self.connections.push(None);
                    }
                    self.connections[place] = Some(Connection::new(stream));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error).context("no connection can be taken"),
            }
        }
    }
}
