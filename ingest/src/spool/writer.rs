//! Owns the segment that is written. Whatever waits when it comes round goes into one write and one fsync, and is acknowledged then.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use metrics::{counter, histogram};
use schemas::time::TimeMs;
use stores::log::Class;
use tokio::sync::{mpsc, oneshot};

use super::{
    NotTaken, Records, Shared,
    folder::Segment,
    record::{self, EVENT_BYTES_MAX, MAGIC, Place},
    room,
};

/// From how many records on a group is written though more are waiting.
const MAX_GROUP: usize = 4_096;

/// After the log went away, for what it gives back to come in: with what is new it is written in the order of arrival.
const GATHER: Duration = Duration::from_millis(20);

/// What waits for the writer.
pub(super) enum Entry {
    Records(Waiting),
    /// The log went away just now.
    Turned,
    /// All is in the log and nothing more comes before the next [`Entry::Turned`].
    Emptied,
    /// Nothing is taken any more; what waits is still written.
    Stop,
}

/// What one request hands in, all or nothing.
pub(super) struct Waiting {
    pub(super) class: Class,
    pub(super) arrival: u64,
    pub(super) records: Records,
    pub(super) done: oneshot::Sender<Result<(), NotTaken>>,
}

pub(super) struct Writer<W> {
    shared: Arc<Shared>,
    /// Makes bytes durable at a place in a file, or fails.
    write: W,
    active: Option<Active>,
    next_segment: u64,
}

struct Active {
    number: u64,
    file: File,
    length: u64,
}

/// Writes and syncs.
pub(super) fn durably(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)?;
    file.sync_data()
}

impl<W: FnMut(&File, &[u8], u64) -> io::Result<()>> Writer<W> {
    pub(super) fn new(shared: Arc<Shared>, next_segment: u64, write: W) -> Writer<W> {
        Writer { shared, write, active: None, next_segment }
    }

    pub(super) fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        let mut ahead = None;
        while let Some(first) = ahead.take().or_else(|| entries.blocking_recv()) {
            match first {
                Entry::Turned => std::thread::sleep(GATHER),
                Entry::Emptied => self.remove_all(),
                Entry::Stop => entries.close(),
                Entry::Records(waiting) => {
                    let mut count = waiting.records.len();
                    let mut group = vec![waiting];
                    while count < MAX_GROUP && ahead.is_none() {
                        match entries.try_recv() {
                            Ok(Entry::Records(waiting)) => {
                                count += waiting.records.len();
                                group.push(waiting);
                            }
                            Ok(other) => ahead = Some(other),
                            Err(_) => break,
                        }
                    }
                    self.commit(group);
                }
            }
        }
    }

    fn commit(&mut self, mut group: Vec<Waiting>) {
        group.sort_by_key(|waiting| waiting.arrival);
        let now = (self.shared.now)();
        let (fitting, refused) = self.divide(group);
        let count: usize = fitting.iter().map(|waiting| waiting.records.len()).sum();
        let written = if fitting.is_empty() { Ok(()) } else { self.append(&fitting, now) };
        match written {
            Ok(()) if count > 0 => {
                self.shared.room.wrote();
                self.shared.records.fetch_add(count as u64, Ordering::Relaxed);
                self.shared.oldest_ms.fetch_min(now.0, Ordering::Relaxed);
                histogram!("refmill_spool_group_records").record(count as f64);
            }
            Ok(()) => {}
            Err(_) => self.shared.room.failed(now),
        }
        if let Err(error) = &written {
            tracing::error!(%error, records = count, "the spool could not be written; its senders are told so");
        }
        // After the segment's length is known to all: who finds nothing waiting finds these records there.
        let all: usize = count + refused.iter().map(|waiting| waiting.records.len()).sum::<usize>();
        self.shared.waiting.fetch_sub(all, Ordering::AcqRel);
        for waiting in refused {
            let _ = waiting.done.send(Err(room::refused(waiting.class, NotTaken::Full)));
        }
        for waiting in fitting {
            let answer = match &written {
                Ok(()) => {
                    let taken = counter!("refmill_spooled_total", "class" => room::name(waiting.class));
                    taken.increment(waiting.records.len() as u64);
                    Ok(())
                }
                Err(_) => Err(room::refused(waiting.class, NotTaken::Failed)),
            };
            let _ = waiting.done.send(answer);
        }
    }

    /// Into what there is room for and what there is none for.
    fn divide(&self, group: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
        let (mut held, mut free) = (self.shared.bytes(), self.shared.folder.free_bytes().unwrap_or(0));
        group.into_iter().partition(|waiting| {
            let bytes: u64 = waiting.records.iter().map(|(_, event)| record::length(event)).sum();
            let is_sane = waiting.records.iter().all(|(_, event)| event.len() <= EVENT_BYTES_MAX);
            let fits = is_sane && self.shared.room.takes(waiting.class, bytes, held, free);
            if fits {
                held += bytes;
                free = free.saturating_sub(bytes);
            }
            fits
        })
    }

    /// Durable when it returns, and then the drain may read it. After an error the segment is left as it was before.
    fn append(&mut self, group: &[Waiting], now: TimeMs) -> io::Result<()> {
        let mut active = match self.active.take() {
            Some(active) if active.length < self.shared.room.segment_bytes() => active,
            _ => self.begin()?,
        };
        let mut bytes = Vec::new();
        for waiting in group {
            for (partition, event) in &waiting.records {
                let place = Place { segment: active.number, offset: active.length + bytes.len() as u64 };
                record::write(&mut bytes, place, *partition, waiting.class, now, event);
            }
        }
        if let Err(error) = (self.write)(&active.file, &bytes, active.length) {
            // What came through may not be sent: its senders are told that it is not there. The next group has a new segment.
            self.cut_back(&active);
            return Err(error);
        }
        active.length += bytes.len() as u64;
        self.shared.segments.send_modify(|segments| match segments.back_mut() {
            Some(last) if last.number == active.number => last.length = active.length,
            _ => segments.push_back(Segment { number: active.number, length: active.length }),
        });
        self.active = Some(active);
        Ok(())
    }

    /// Leaves of a segment what was durable before; one that holds nothing goes.
    fn cut_back(&self, active: &Active) {
        if active.length == MAGIC.len() as u64 {
            return self.shared.folder.remove_segment(active.number);
        }
        if let Err(error) = active.file.set_len(active.length).and_then(|()| active.file.sync_all()) {
            tracing::error!(
                %error,
                "the spool's segment could not be cut back: events that were answered 503 may still be counted after a restart"
            );
        }
    }

    fn begin(&mut self) -> io::Result<Active> {
        let number = self.next_segment;
        let file = self.shared.folder.segment(number)?;
        let begun = (self.write)(&file, &MAGIC, 0).and_then(|()| self.shared.folder.sync());
        if let Err(error) = begun {
            self.shared.folder.remove_segment(number);
            return Err(error);
        }
        self.next_segment += 1;
        Ok(Active { number, file, length: MAGIC.len() as u64 })
    }

    fn remove_all(&mut self) {
        self.active = None;
        let segments = self.shared.segments.send_replace(Default::default());
        for segment in segments {
            self.shared.folder.remove_segment(segment.number);
        }
    }
}
