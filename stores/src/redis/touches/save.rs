use std::ops::Range;

use redis::aio::ConnectionManager;

use super::{
    Touches,
    change::{Change, Part, Recent, Row},
    keys::Keys,
    scripts::{self, DONE, MOVED, PART_GONE, UNFOLDED},
};
use crate::{StoreError, touches::SaveError};

/// How long parts lie around that nobody took in.
const PUT_DOWN_FOR_S: u64 = 3_600;

/// How often a commit is tried that found parts of an earlier one not folded.
const COMMIT_TRIES: usize = 3;

/// What is replaced where nothing is kept.
const NO_STAMP: &str = "none";

pub(super) async fn save(
    store: &Touches,
    partition: u32,
    epoch: u64,
    offsets: Range<u64>,
    change: Change<'_>,
) -> Result<(), SaveError> {
    Saving::new(store, partition, epoch, offsets, String::new())?.run(change).await
}

pub(super) async fn save_all(
    store: &Touches,
    partition: u32,
    epoch: u64,
    next: u64,
    change: Change<'_>,
) -> Result<(), SaveError> {
    // An answer may get lost and its call be run late: it must not undo what came after.
    let stamp: Option<String> = redis::cmd("HGET")
        .arg(store.keys(partition).progress)
        .arg("stamp")
        .query_async(&mut store.connection()?)
        .await?;
    let whole = stamp.unwrap_or_else(|| NO_STAMP.to_owned());
    Saving::new(store, partition, epoch, 0..next, whole)?.run(change).await
}

struct Saving<'a> {
    store: &'a Touches,
    partition: u32,
    keys: Keys,
    connection: ConnectionManager,
    stamp: String,
    epoch: u64,
    offsets: Range<u64>,
    /// The stamp of what is replaced; empty for a delta.
    whole: String,
}

/// What goes with the call that moves the offset.
#[derive(Default)]
struct Brought {
    parts: Vec<String>,
    links: Vec<Row>,
    recent: Option<Recent>,
}

impl Saving<'_> {
    fn new(
        store: &Touches,
        partition: u32,
        epoch: u64,
        offsets: Range<u64>,
        whole: String,
    ) -> Result<Saving<'_>, StoreError> {
        let (keys, connection, stamp) = (store.keys(partition), store.connection()?, store.stamp());
        Ok(Saving { store, partition, keys, connection, stamp, epoch, offsets, whole })
    }

    async fn run(mut self, mut change: Change<'_>) -> Result<(), SaveError> {
        let brought = if change.fits_one_call() {
            let (links, recent) = (change.next_links(), change.next_recent(self.offsets.end));
            Brought { links, recent, ..Brought::default() }
        } else {
            Brought { parts: self.put_down(change).await?, ..Brought::default() }
        };
        for _ in 0..COMMIT_TRIES {
            match self.commit(&brought).await? {
                (DONE, ..) => {
                    if !brought.parts.is_empty() {
                        // It is saved; who saves next folds what this leaves.
                        let _ = self.fold().await;
                    }
                    return Ok(());
                }
                (MOVED, epoch, next) => {
                    let number = |text: &str| {
                        text.parse().map_err(|_| StoreError::Corrupt(format!("progress of touches: {text:?}")))
                    };
                    return Err(SaveError::Moved { epoch: number(&epoch)?, next: number(&next)? });
                }
                (UNFOLDED, ..) => self.fold().await?,
                (PART_GONE, ..) => break,
                (answer, ..) => return Err(StoreError::Corrupt(format!("an answer of {answer}")).into()),
            }
        }
        Err(StoreError::Unsettled(self.partition).into())
    }

    /// Puts a change down in parts that count for nothing until a commit names them.
    async fn put_down(&mut self, mut change: Change<'_>) -> Result<Vec<String>, StoreError> {
        let mut parts = Vec::new();
        while let Some(part) = change.next(self.offsets.end) {
            let number = parts.len();
            let name = match &part {
                Part::Links(_) => format!("links/{}/{number}", self.stamp),
                Part::Recent(recent) => format!("recent/{}/{}/{number}", recent.hour, self.stamp),
            };
            let key = self.keys.part(&name);
            let mut pipe = redis::pipe();
            pipe.cmd("RPUSH").arg(&key);
            match &part {
                Part::Links(rows) => rows.iter().for_each(|(link, packed)| {
                    pipe.arg(link).arg(packed);
                }),
                Part::Recent(recent) => {
                    pipe.arg(&recent.packed);
                }
            }
            pipe.ignore().cmd("EXPIRE").arg(&key).arg(PUT_DOWN_FOR_S).ignore();
            pipe.atomic().exec_async(&mut self.connection).await?;
            parts.push(name);
        }
        Ok(parts)
    }

    async fn commit(&mut self, brought: &Brought) -> Result<(u8, String, String), StoreError> {
        let mut call = scripts::on(&self.store.scripts.commit, &self.keys);
        call.arg(exact(self.epoch)).arg(exact(self.offsets.start)).arg(exact(self.offsets.end));
        call.arg(&self.stamp).arg(&self.whole).arg(brought.parts.len());
        match &brought.recent {
            Some(recent) => call.arg(recent.hour).arg(&recent.packed),
            None => call.arg("").arg(""),
        };
        brought.parts.iter().for_each(|part| {
            call.arg(part);
        });
        brought.links.iter().for_each(|(link, packed)| {
            call.arg(link).arg(packed);
        });
        scripts::run(&call, &mut self.connection).await
    }

    /// Moves all that has been committed in parts to where it stays.
    async fn fold(&mut self) -> Result<(), StoreError> {
        loop {
            let mut call = scripts::on(&self.store.scripts.fold, &self.keys);
            call.arg(self.store.stamp());
            let left: u64 = scripts::run(&call, &mut self.connection).await?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// As the scripts compare it: they have no whole numbers of 64 bits.
fn exact(number: u64) -> String {
    format!("{number:020}")
}
