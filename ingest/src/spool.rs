//! What an edge does while the log is away: events go to segment files on its own disk and from there to the log, in order,
//! once it is back.
//!
//! Nothing is acknowledged that is neither in the log nor fsynced here. While anything is here all that is new queues behind it.
//! Every record is marked `resent` from its first send on, as only such records are recognised when they come again.

mod cursor;
mod drain;
mod error;
mod folder;
mod reader;
mod record;
mod room;
mod writer;

use std::{
    fs::File,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use schemas::time::TimeMs;
use stores::log::{Class, LogLimits};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub use drain::Drain;
pub use error::SpoolError;
pub use room::NotTaken;

use cursor::CursorFile;
use folder::{Folder, Segments};
use reader::Reader;
use room::Room;
use writer::{Entry, Waiting, Writer};

/// Where the spool is and how large it may get.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    pub folder: PathBuf,
    /// What the segment files may hold together; the last eighth is for conversions alone.
    pub bytes_max: u64,
    /// What is left free on the disk; clicks leave twice as much.
    pub free_bytes_min: u64,
    /// How many events may wait to be written.
    pub limits: LogLimits,
}

impl SpoolConfig {
    pub const BYTES_MAX: u64 = 1 << 30;
    pub const FREE_BYTES_MIN: u64 = 256 << 20;
}

/// Where new events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// To the log.
    Direct,
    /// To the spool, and from there to the log.
    Spooling,
    /// They wait a moment for the last of the spool to be sent, and go to the log then. An edge under load, where something
    /// always comes meanwhile, would never find its spool empty otherwise.
    TurningBack,
}

/// A handle: who holds it can hand in events.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Records and their partitions.
pub(crate) type Records = Vec<(u32, Vec<u8>)>;

/// Resolves once the records are fsynced, or to why they are not.
pub(crate) type Spooling = oneshot::Receiver<Result<(), NotTaken>>;

/// Which way an event went.
pub(crate) enum Way<T> {
    Log(T),
    Spool(Result<Spooling, NotTaken>),
}

/// How long events wait for the last of the spool; after that they go to the spool as before.
const TURN_WAIT: Duration = Duration::from_millis(250);

/// What handles, writer and drain have in common.
struct Shared {
    folder: Folder,
    room: Room,
    limits: LogLimits,
    /// Read while an event is handed in and written when the way changes, so that none goes the old way after that.
    state: watch::Sender<State>,
    segments: watch::Sender<Segments>,
    entries: mpsc::Sender<Entry>,
    /// Handed in and not yet written or refused.
    waiting: AtomicUsize,
    arrivals: AtomicU64,
    /// Written and not yet in the log; for people, as a damaged file may hold fewer.
    records: AtomicU64,
    /// When the oldest of them was written.
    oldest_ms: AtomicI64,
    stop: CancellationToken,
    now: fn() -> TimeMs,
}

/// Entries that are no events may wait beside these.
const SIGNALS_WAITING: usize = 16;

impl Spool {
    /// Takes the folder for this process and what an earlier one left in it; the drain must be run.
    pub fn open(config: SpoolConfig, now: fn() -> TimeMs) -> Result<(Spool, Drain), SpoolError> {
        Spool::open_on(config, now, writer::durably)
    }

    /// `write` makes bytes durable at a place in a file.
    fn open_on<W>(config: SpoolConfig, now: fn() -> TimeMs, write: W) -> Result<(Spool, Drain), SpoolError>
    where
        W: FnMut(&File, &[u8], u64) -> io::Result<()> + Send + 'static,
    {
        let folder = Folder::open(&config.folder)?;
        let (cursor_file, cursor) = CursorFile::open(&folder)?;
        let left = folder.recover(cursor)?;
        let state = if left.segments.is_empty() { State::Direct } else { State::Spooling };
        if left.records > 0 {
            tracing::warn!(records = left.records, folder = %config.folder.display(), "the spool was left with events; they go first");
        }
        let queue = config.limits.depth(Class::Own).saturating_add(SIGNALS_WAITING);
        let (entries, incoming) = mpsc::channel(queue.min(tokio::sync::Semaphore::MAX_PERMITS));
        let shared = Arc::new(Shared {
            room: Room::new(config.bytes_max, config.free_bytes_min),
            folder,
            limits: config.limits,
            state: watch::Sender::new(state),
            segments: watch::Sender::new(left.segments),
            entries,
            waiting: AtomicUsize::new(0),
            arrivals: AtomicU64::new(0),
            records: AtomicU64::new(left.records),
            oldest_ms: AtomicI64::new(left.oldest.map_or(i64::MAX, |at| at.0)),
            stop: CancellationToken::new(),
            now,
        });
        let writer = Writer::new(Arc::clone(&shared), left.next_segment, write);
        let thread = thread::Builder::new().name("spool-writer".to_owned()).spawn(move || writer.run(incoming));
        let thread = thread.map_err(SpoolError::Thread)?;
        let drain = Drain::new(Arc::clone(&shared), Reader::new(cursor), cursor_file);
        Ok((Spool { shared, writer: Arc::new(Mutex::new(Some(thread))) }, drain))
    }

    pub fn state(&self) -> State {
        *self.shared.state.borrow()
    }

    /// Why this edge should get no events; none while the log takes them, however full the disk is.
    pub fn not_ready(&self) -> Option<&'static str> {
        let has_room = self.shared.room.is_left(&self.shared.folder, self.shared.bytes(), (self.shared.now)());
        (self.state() != State::Direct && !has_room).then_some("spool")
    }

    /// Ends the drain and writes what waits. What is in the spool stays for the next start.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        // A writer that has ended takes no stop and needs none.
        let _ = self.shared.entries.send(Entry::Stop).await;
        let thread = self.writer.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// An event's place among those that came about the same time.
    pub(crate) fn arrive(&self) -> u64 {
        self.shared.arrivals.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands an event in: to `log` or, while anything else is in the spool or must go there, behind it.
    pub(crate) fn hand_in<T>(
        &self,
        class: Class,
        arrival: u64,
        log: impl FnOnce() -> T,
        marked: impl FnOnce() -> Records,
    ) -> Way<T> {
        let state = self.shared.state.borrow();
        match *state {
            State::Direct => Way::Log(log()),
            State::Spooling | State::TurningBack => Way::Spool(self.shared.queue(class, arrival, marked())),
        }
    }

    /// Waits while it turns back, at most so long as that may take.
    pub(crate) async fn turned(&self) {
        if self.state() != State::TurningBack {
            return;
        }
        let mut state = self.shared.state.subscribe();
        if timeout(TURN_WAIT, state.wait_for(|state| *state != State::TurningBack)).await.is_err() {
            self.shared.moves(State::TurningBack, State::Spooling);
        }
    }
}

impl Shared {
    fn queue(&self, class: Class, arrival: u64, records: Records) -> Result<Spooling, NotTaken> {
        let (count, depth) = (records.len(), self.limits.depth(class));
        let within = |waiting: usize| waiting.checked_add(count).filter(|after| *after <= depth);
        self.waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, within)
            .map_err(|_| room::refused(class, NotTaken::QueueFull))?;
        let (done, answer) = oneshot::channel();
        self.entries.try_send(Entry::Records(Waiting { class, arrival, records, done })).map_err(|_| {
            self.waiting.fetch_sub(count, Ordering::AcqRel);
            room::refused(class, NotTaken::QueueFull)
        })?;
        Ok(answer)
    }

    /// To this state, if it is in that one.
    fn moves(&self, from: State, to: State) {
        self.state.send_if_modified(|state| {
            let moves = *state == from;
            if moves {
                *state = to;
            }
            moves
        });
    }

    /// What the segment files hold.
    fn bytes(&self) -> u64 {
        self.segments.borrow().iter().map(|segment| segment.length).sum()
    }
}

#[cfg(test)]
mod tests;
