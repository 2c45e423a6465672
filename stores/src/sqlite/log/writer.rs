use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rusqlite::{Connection, OptionalExtension};
use schemas::time::TimeMs;
use tokio::sync::{mpsc, watch};

use super::{
    group::{Entry, Group},
    tail::Tail,
};
use crate::{
    log::{Clock, presses},
    sqlite::row::{get_id, get_id_or_none, int},
};

/// From how many records on a group is committed though more are waiting.
const MAX_GROUP: usize = 4_096;

/// How many of the newest decisions are kept.
const DECISIONS_KEPT: u64 = 100_000;

/// How far the two streams are committed.
pub(super) struct Ends {
    pub(super) events: watch::Receiver<u64>,
    /// The last event that presses included.
    pub(super) pressing: watch::Receiver<u64>,
    pub(super) decisions: watch::Receiver<u64>,
}

/// Owns the connection that writes. Whatever waits when it comes round goes into one transaction.
pub(super) struct Writer {
    connection: Connection,
    clock: Clock,
    waiting: Arc<AtomicUsize>,
    tail: Tail,
    last_append: TimeMs,
    events_end: watch::Sender<u64>,
    pressing_end: watch::Sender<u64>,
    decisions_end: watch::Sender<u64>,
}

impl Writer {
    /// Goes on where the file ends.
    pub(super) fn resume(
        connection: Connection,
        clock: Clock,
        waiting: Arc<AtomicUsize>,
        tail: Tail,
    ) -> rusqlite::Result<(Writer, Ends)> {
        let newest = connection
            .query_row("SELECT offset, appended_at_ms FROM events ORDER BY offset DESC LIMIT 1", [], |row| {
                Ok((get_id(row, 0)?, row.get(1)?))
            })
            .optional()?;
        let (end, last) = newest.map_or((0, i64::MIN), |(offset, at)| (offset + 1, at));
        let decided = connection
            .query_one("SELECT max(offset) FROM decisions", [], |row| get_id_or_none(row, 0))?
            .map_or(0, |last| last + 1);
        let (events_end, events) = watch::channel(end);
        let (pressing_end, pressing) = watch::channel(end);
        let (decisions_end, decisions) = watch::channel(decided);
        let last_append = TimeMs(last);
        let writer = Writer { connection, clock, waiting, tail, last_append, events_end, pressing_end, decisions_end };
        Ok((writer, Ends { events, pressing, decisions }))
    }

    pub(super) fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        while let Some(first) = entries.blocking_recv() {
            let mut group = Group::default();
            let mut next = Some(first);
            while let Some(entry) = next {
                if matches!(entry, Entry::Stop) {
                    entries.close();
                }
                group.push(entry);
                next = if group.len() < MAX_GROUP { entries.try_recv().ok() } else { None };
            }
            if !group.is_empty() {
                self.commit(group);
            }
        }
    }

    fn commit(&mut self, mut group: Group) {
        let started = Instant::now();
        let appended_at = self.last_append.max((self.clock)());
        let (first, count) = (*self.events_end.borrow(), group.events().len());
        let written = self.write(&group, appended_at);
        // Before anybody is answered: who has an answer finds its place free again.
        let before = self.waiting.fetch_sub(count, Ordering::AcqRel);
        metrics::gauge!("refmill_log_waiting_events").set((before - count) as f64);
        match written {
            Ok((end, decisions_end)) => {
                self.last_append = appended_at;
                metrics::histogram!("refmill_log_group_records").record(group.len() as f64);
                metrics::histogram!("refmill_log_commit_seconds").record(started.elapsed().as_secs_f64());
                let pressing = group.events().iter().rposition(|record| presses(record));
                self.tail.committed(first, appended_at, group.take_events());
                self.events_end.send_if_modified(|known| std::mem::replace(known, end) != end);
                if let Some(last) = pressing {
                    self.pressing_end.send_replace(first + last as u64 + 1);
                }
                self.decisions_end.send_if_modified(|known| std::mem::replace(known, decisions_end) != decisions_end);
                group.committed(first, appended_at);
            }
            Err(why) => {
                metrics::counter!("refmill_log_failed_groups_total").increment(1);
                tracing::error!(error = %why, records = group.len(), "the log could not write a group; its senders are told so");
                group.failed(why);
            }
        }
    }

    /// Writes the group and returns where both streams end then.
    fn write(&mut self, group: &Group, appended_at: TimeMs) -> rusqlite::Result<(u64, u64)> {
        let (mut end, mut decisions_end) = (*self.events_end.borrow(), *self.decisions_end.borrow());
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO events (offset, appended_at_ms, record) VALUES (?1, ?2, ?3)")?;
            for record in group.events() {
                insert.execute((int(end), appended_at.0, record))?;
                end += 1;
            }
            let mut insert =
                transaction.prepare_cached("INSERT INTO decisions (offset, reply_to, record) VALUES (?1, ?2, ?3)")?;
            for (reply_to, record) in group.decisions() {
                insert.execute((int(decisions_end), reply_to, record))?;
                decisions_end += 1;
            }
            let mut forget = transaction.prepare_cached("DELETE FROM decisions WHERE offset < ?1")?;
            forget.execute([int(decisions_end.saturating_sub(DECISIONS_KEPT))])?;
        }
        transaction.commit()?;
        Ok((end, decisions_end))
    }
}
