//! A way to one server that knows what passes by, and ends the process behind it at an exact point of its work.

mod ear;
mod produce;
mod refusal;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use schemas::event::Event;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::wait::within;
use ear::{Ear, Frames};
use refusal::Asked;

/// What the server still needs to do what it was asked, once it began to answer.
const DONE_WITHIN: Duration = Duration::from_millis(60);
const CHUNKS_ON_THE_WAY: usize = 1_024;
/// Longer than any test holds anything.
const HELD_AT_MOST: Duration = Duration::from_secs(120);

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
    /// The process is frozen as it says it, and the server hears it once [`Proxy::let_go`] is called.
    Held,
}

/// Goes off where all of this passes by on one connection.
#[derive(Clone)]
pub(crate) struct Trap {
    pub(crate) what: What,
    pub(crate) moment: Moment,
    pub(crate) victim: u32,
    /// Instead of doing anything to the victim, another is set on the way to another server.
    pub(crate) then: Option<Then>,
}

#[derive(Clone)]
pub(crate) struct Then {
    on: Rc<Shared>,
    trap: Box<Trap>,
}

/// A step by what is said to the server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct What {
    /// In this order, and in one transaction where the server knows such.
    pub(crate) parts: &'static [&'static str],
    /// Not what is meant, if this is said between them.
    pub(crate) unless: Option<&'static str>,
    /// Of what goes to the log, at least one such event.
    pub(crate) event: Option<fn(&Event) -> bool>,
}

/// Whether what is said gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    Open,
    /// Everybody is let in, and nobody hears anything.
    Deaf,
    /// Nobody is let in, and who was is put out.
    Shut,
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
    is_slow: bool,
    trap: RefCell<Option<Trap>>,
    sprung: Cell<bool>,
    holds: Cell<bool>,
    passage: watch::Sender<Passage>,
    /// The end of a topic's name: what is produced to it next counts as refused.
    refuses: Cell<Option<&'static str>>,
    /// How much later the server hears what it is told.
    delay: Cell<Duration>,
    /// How often it was disarmed: what a trap of before was about to do is not done.
    disarmed: Cell<u64>,
}

impl Proxy {
    pub(crate) async fn to(to: SocketAddr, speech: Speech) -> Proxy {
        Proxy::new(to, speech, false).await
    }

    /// One that takes its time from [`Proxy::slow_down`] on, and has no traps.
    pub(crate) async fn slow(to: SocketAddr, speech: Speech) -> Proxy {
        Proxy::new(to, speech, true).await
    }

    async fn new(to: SocketAddr, speech: Speech, is_slow: bool) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sprung, holds) = (Cell::new(false), Cell::new(false));
        let shared = Rc::new(Shared {
            to,
            own: address,
            speech,
            is_slow,
            trap: RefCell::default(),
            sprung,
            holds,
            passage: watch::Sender::new(Passage::Open),
            refuses: Cell::default(),
            delay: Cell::default(),
            disarmed: Cell::default(),
        });
        let listening = tokio::task::spawn_local(listen(listener, Rc::clone(&shared)));
        Proxy { address, shared, listening }
    }

    pub(crate) fn set(&self, trap: Trap) {
        self.disarm();
        self.shared.sprung.set(false);
        *self.shared.trap.borrow_mut() = Some(trap);
    }

    /// This trap here, to be set when another goes off.
    pub(crate) fn later(&self, trap: Trap) -> Then {
        self.disarm();
        self.shared.sprung.set(false);
        Then { on: Rc::clone(&self.shared), trap: Box::new(trap) }
    }

    /// Whether it went off. It does so once.
    pub(crate) fn has_sprung(&self) -> bool {
        self.shared.sprung.get()
    }

    /// It does not go off any more, if it has not.
    pub(crate) fn disarm(&self) {
        *self.shared.trap.borrow_mut() = None;
        self.shared.disarmed.set(self.shared.disarmed.get() + 1);
    }

    /// From now on the server hears everything so much later.
    pub(crate) fn slow_down(&self, by: Duration) {
        self.shared.delay.set(by);
    }

    /// Everybody is let in, and nobody hears anything until it is open again.
    pub(crate) fn deafen(&self) {
        self.shared.passage.send_replace(Passage::Deaf);
    }

    /// As if nobody were there any more.
    pub(crate) fn shut(&self) {
        self.shared.passage.send_replace(Passage::Shut);
    }

    pub(crate) fn open(&self) {
        self.shared.passage.send_replace(Passage::Open);
    }

    /// The next records for a topic with this end are taken, and their producer is told that they were not, and never will be.
    pub(crate) fn refuse(&self, topic: &'static str) {
        self.shared.refuses.set(Some(topic));
    }

    /// What is held goes on to the server.
    pub(crate) fn let_go(&self) {
        self.shared.holds.set(false);
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
            tokio::select! {
                () = shared.has_passage(|passage| passage == Passage::Shut) => {}
                () = pass(client, Rc::clone(&shared)) => {}
            }
        });
    }
}

async fn pass(client: TcpStream, shared: Rc<Shared>) {
    let Ok(server) = TcpStream::connect(shared.to).await else { return };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    if shared.is_slow {
        slow_connection(client, server, shared).await;
    } else {
        connection(client, server, shared).await;
    }
}

async fn connection(client: TcpStream, server: TcpStream, shared: Rc<Shared>) {
    let (held, asked) = (Rc::new(Cell::new(None)), Rc::new(Asked::default()));
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let asks = asks(client_read, server_write, Rc::clone(&shared), (Rc::clone(&held), Rc::clone(&asked)));
    let answers = answers(server_read, client_write, shared, (held, asked));
    tokio::select! {
        () = asks => {}
        () = answers => {}
    }
}

/// Everything is heard later, and nothing waits for what was said before it.
async fn slow_connection(client: TcpStream, server: TcpStream, shared: Rc<Shared>) {
    let (mut client_read, client_write) = client.into_split();
    let (server_read, mut server_write) = server.into_split();
    let (late, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS_ON_THE_WAY);
    let delay = Rc::clone(&shared);
    let hears = async {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(length @ 1..) = client_read.read(&mut chunk).await {
            if late.send((Instant::now() + delay.delay.get(), chunk[..length].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let says = async {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            if server_write.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = hears => {}
        () = says => {}
        () = answers(server_read, client_write, shared, Known::default()) => {}
    }
}

/// What both directions of a connection know: whose next answer is the end of it, and which requests are to count as refused.
type Known = (Rc<Cell<Option<(u32, u64)>>>, Rc<Asked>);

/// What the process says to the server.
async fn asks(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: Rc<Shared>, (held, asked): Known) {
    let (mut ear, mut frames) = (Ear::new(shared.speech), Frames::default());
    let mut chunk = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let bytes = &chunk[..length];
        let trap = shared.trap.borrow().clone();
        if ear.hears(bytes, trap.map(|trap| trap.what)) {
            let sprung = shared.trap.borrow_mut().take();
            match sprung {
                Some(Trap { then: Some(then), .. }) => *then.on.trap.borrow_mut() = Some(*then.trap),
                Some(Trap { moment: Moment::Before, victim, .. }) => return shared.spring(victim, "-KILL"),
                Some(Trap { moment: Moment::After, victim, .. }) => held.set(Some((victim, shared.disarmed.get()))),
                Some(Trap { moment: Moment::Held, victim, .. }) => shared.hold(victim).await,
                None => {}
            }
        }
        if shared.speech == Speech::Kafka {
            frames.complete(bytes, |frame| {
                if shared.refuses.get().is_some_and(|topic| asked.notes(frame, topic)) {
                    shared.refuses.set(None);
                }
            });
        }
        shared.has_passage(|passage| passage != Passage::Deaf).await;
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// What the server says to the process.
async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: Rc<Shared>, (held, asked): Known) {
    let mut frames = Frames::default();
    let mut chunk = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if let Some((victim, set)) = held.take() {
            tokio::time::sleep(DONE_WITHIN).await;
            if shared.disarmed.get() == set {
                return shared.spring(victim, "-KILL");
            }
        }
        let passed = match shared.speech {
            Speech::Kafka => frames.complete(&chunk[..length], |frame| {
                shared.stay_between(frame);
                asked.refuse(frame);
            }),
            _ => chunk[..length].to_vec(),
        };
        shared.has_passage(|passage| passage != Passage::Deaf).await;
        if to.write_all(&passed).await.is_err() {
            return;
        }
    }
}

impl Shared {
    async fn has_passage(&self, wanted: impl Fn(Passage) -> bool) {
        // It lasts as long as this.
        let _ = self.passage.subscribe().wait_for(|passage| wanted(*passage)).await;
    }

    fn spring(&self, victim: u32, signal: &str) {
        let sent = Command::new("kill").args([signal, &victim.to_string()]).status();
        assert!(sent.expect("kill runs").success(), "the victim was there");
        self.sprung.set(true);
    }

    async fn hold(&self, victim: u32) {
        self.holds.set(true);
        self.spring(victim, "-STOP");
        let let_go = within(HELD_AT_MOST, async || if self.holds.get() { Err(String::new()) } else { Ok(()) });
        let _ = let_go.await;
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
