//! A way to one server that knows what passes by, and ends the process behind it at an exact point of its work.

mod ear;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use ear::{Ear, Frames};

/// What the server still needs to do what it was asked, once it began to answer.
const DONE_WITHIN: Duration = Duration::from_millis(60);

/// How the two speak with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Postgres,
    Kafka,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The server never hears it.
    Before,
    /// The server did it, and the process never hears so.
    After,
}

/// Goes off where all of these pass by in this order on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Trap {
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) moment: Moment,
    pub(crate) victim: u32,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Rc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    to: SocketAddr,
    own: SocketAddr,
    speech: Speech,
    trap: RefCell<Option<Trap>>,
    sprung: Cell<bool>,
}

impl Proxy {
    pub(crate) async fn to(to: SocketAddr, speech: Speech) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Rc::new(Shared { to, own: address, speech, trap: RefCell::default(), sprung: Cell::new(false) });
        let listening = tokio::task::spawn_local(listen(listener, Rc::clone(&shared)));
        Proxy { address, shared, listening }
    }

    pub(crate) fn set(&self, trap: Trap) {
        self.shared.sprung.set(false);
        *self.shared.trap.borrow_mut() = Some(trap);
    }

    /// Whether it went off. It does so once.
    pub(crate) fn has_sprung(&self) -> bool {
        self.shared.sprung.get()
    }

    pub(crate) fn disarm(&self) {
        *self.shared.trap.borrow_mut() = None;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Rc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            if let Ok(server) = TcpStream::connect(shared.to).await {
                let _ = client.set_nodelay(true);
                let _ = server.set_nodelay(true);
                connection(client, server, shared).await;
            }
        });
    }
}

async fn connection(client: TcpStream, server: TcpStream, shared: Rc<Shared>) {
    let held = Rc::new(Cell::new(None));
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let asks = asks(client_read, server_write, Rc::clone(&shared), Rc::clone(&held));
    let answers = answers(server_read, client_write, shared, held);
    tokio::select! {
        () = asks => {}
        () = answers => {}
    }
}

/// What the process says to the server.
async fn asks(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: Rc<Shared>, held: Rc<Cell<Option<u32>>>) {
    let mut ear = Ear::new(shared.speech);
    let mut chunk = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let bytes = &chunk[..length];
        let trap = shared.trap.borrow().clone();
        if ear.hears(bytes, trap.as_ref().map_or(&[], |trap| &trap.parts))
            && let Some(Trap { moment, victim, .. }) = shared.trap.borrow_mut().take()
        {
            match moment {
                Moment::Before => return shared.spring(victim),
                Moment::After => held.set(Some(victim)),
            }
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// What the server says to the process.
async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: Rc<Shared>, held: Rc<Cell<Option<u32>>>) {
    let mut frames = Frames::default();
    let mut chunk = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if let Some(victim) = held.take() {
            tokio::time::sleep(DONE_WITHIN).await;
            return shared.spring(victim);
        }
        let passed = match shared.speech {
            Speech::Kafka => frames.complete(&chunk[..length], |frame| shared.stay_between(frame)),
            _ => chunk[..length].to_vec(),
        };
        if to.write_all(&passed).await.is_err() {
            return;
        }
    }
}

impl Shared {
    fn spring(&self, victim: u32) {
        let killed = Command::new("kill").args(["-9", &victim.to_string()]).status();
        assert!(killed.expect("kill runs").success(), "the victim was there");
        self.sprung.set(true);
    }

    /// Kafka tells its clients where to go on: here, and not past this.
    fn stay_between(&self, frame: &mut [u8]) {
        let named = |address: SocketAddr| {
            [address.ip().to_string().into_bytes(), u32::from(address.port()).to_be_bytes().to_vec()].concat()
        };
        let (theirs, ours) = (named(self.to), named(self.own));
        // The same host on both sides, so that lengths stay.
        if theirs.len() != ours.len() {
            return;
        }
        let mut at = 0;
        while let Some(found) = ear::position(&frame[at..], &theirs) {
            frame[at + found..at + found + ours.len()].copy_from_slice(&ours);
            at += found + ours.len();
        }
    }
}
