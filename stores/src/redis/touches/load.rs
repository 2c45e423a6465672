use redis::{Pipeline, aio::ConnectionManager};
use rules::touches::Touches as Remembered;
use schemas::ids::LinkId;

use super::{Touches, forget, keys::Keys, scripts::BUCKETS};
use crate::{
    StoreError,
    touches::{Loaded, RECENT_FOR_MS, packed, seen_from},
};

/// How often what changes while it is read is read again.
const TRIES: usize = 5;

/// What is asked for at once.
const BUCKETS_A_PAGE: u32 = 4;
const BLOBS_A_PAGE: isize = 16;

pub(super) async fn load(store: &Touches, partition: u32) -> Result<Loaded, StoreError> {
    let keys = store.keys(partition);
    let mut connection = store.connection()?;
    for _ in 0..TRIES {
        let Some(kept) = Kept::read(&keys, &mut connection).await? else { return Ok(Loaded::default()) };
        let touches = read(&keys, &kept, &mut connection).await;
        let now: Option<String> =
            redis::cmd("HGET").arg(&keys.progress).arg("stamp").query_async(&mut connection).await?;
        if now.as_deref() != Some(&kept.stamp) {
            continue;
        }
        match touches? {
            Some(touches) => return Ok(Loaded { touches, next: kept.next }),
            None => {
                tracing::warn!(partition, "touches in Redis are not whole any more and are made again from the log");
                forget::forget(store, partition, Some(&kept.stamp)).await?;
            }
        }
    }
    Err(StoreError::Unsettled(partition))
}

pub(super) async fn epoch(store: &Touches, partition: u32) -> Result<u64, StoreError> {
    let mut ask = redis::cmd("HGET");
    ask.arg(&store.keys(partition).progress).arg("epoch");
    let epoch: Option<String> = ask.query_async(&mut store.connection()?).await?;
    epoch.map_or(Ok(0), |epoch| epoch.parse().map_err(|_| unreadable("progress")))
}

/// What there is to be read.
struct Kept {
    next: u64,
    stamp: String,
    periods: Vec<String>,
    hours: Vec<String>,
    journal: Vec<String>,
}

type Progress = (Option<String>, Option<String>, Option<String>, Option<String>);

impl Kept {
    async fn read(keys: &Keys, connection: &mut ConnectionManager) -> Result<Option<Kept>, StoreError> {
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("HMGET").arg(&keys.progress).arg(&["next", "stamp", "periods", "hours"]);
        pipe.cmd("LRANGE").arg(&keys.journal).arg(0).arg(-1);
        let ((next, stamp, periods, hours), journal): (Progress, Vec<String>) = pipe.query_async(connection).await?;
        let (Some(next), Some(stamp)) = (next, stamp) else { return Ok(None) };
        let listed = |numbers: Option<String>| -> Vec<String> {
            numbers.unwrap_or_default().split(',').filter(|number| !number.is_empty()).map(str::to_owned).collect()
        };
        let next = next.parse().map_err(|_| unreadable("progress"))?;
        Ok(Some(Kept { next, stamp, periods: listed(periods), hours: listed(hours), journal }))
    }
}

/// None where part of it is gone.
async fn read(keys: &Keys, kept: &Kept, connection: &mut ConnectionManager) -> Result<Option<Remembered>, StoreError> {
    let mut touches = Remembered::default();
    for period in &kept.periods {
        for first in (0..BUCKETS).step_by(BUCKETS_A_PAGE as usize) {
            let mut pipe = redis::pipe();
            for bucket in first..BUCKETS.min(first + BUCKETS_A_PAGE) {
                pipe.cmd("HGETALL").arg(keys.links(period, bucket));
            }
            for rows in ask(&pipe, connection).await? {
                take_links(&rows, &mut touches)?;
            }
        }
    }
    let mut blobs = Vec::new();
    for hour in &kept.hours {
        let key = keys.recent(hour);
        let before = blobs.len();
        loop {
            let first = (blobs.len() - before) as isize;
            let mut pipe = redis::pipe();
            pipe.cmd("LRANGE").arg(&key).arg(first).arg(first + BLOBS_A_PAGE - 1);
            let page = ask(&pipe, connection).await?.into_iter().flatten();
            let count = blobs.len();
            blobs.extend(page);
            if blobs.len() == count {
                break;
            }
        }
        if blobs.len() == before {
            return Ok(None);
        }
    }
    for name in &kept.journal {
        let mut pipe = redis::pipe();
        pipe.cmd("LRANGE").arg(keys.part(name)).arg(0).arg(-1);
        let rows: Vec<_> = ask(&pipe, connection).await?.into_iter().flatten().collect();
        match name.split('/').next() {
            _ if rows.is_empty() => return Ok(None),
            Some("links") => take_links(&rows, &mut touches)?,
            _ => blobs.extend(rows),
        }
    }
    take_recent(&blobs, &mut touches)?;
    Ok(Some(touches))
}

async fn ask(pipe: &Pipeline, connection: &mut ConnectionManager) -> Result<Vec<Vec<Vec<u8>>>, StoreError> {
    Ok(pipe.query_async(connection).await?)
}

fn take_links(rows: &[Vec<u8>], touches: &mut Remembered) -> Result<(), StoreError> {
    let (rows, _) = rows.as_chunks::<2>();
    touches.links.reserve(rows.len());
    for [link, known] in rows {
        let link = link.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| unreadable("a link"))?;
        let known = packed::unpack_link(known).ok_or_else(|| unreadable("a packed touch"))?;
        touches.links.insert(LinkId(link), known);
    }
    Ok(())
}

/// What each save brought, over what earlier ones did, without what no decision looks at any more.
fn take_recent(blobs: &[Vec<u8>], touches: &mut Remembered) -> Result<(), StoreError> {
    let unreadable = || unreadable("packed event ids and velocity");
    let mut saves = Vec::with_capacity(blobs.len());
    for blob in blobs {
        let (to, rest) = blob.split_first_chunk().ok_or_else(unreadable)?;
        let (newest, packed) = rest.split_first_chunk().ok_or_else(unreadable)?;
        saves.push((u64::from_be_bytes(*to), i64::from_be_bytes(*newest), packed));
    }
    saves.sort_by_key(|(to, ..)| *to);
    let Some(newest) = saves.iter().map(|(_, newest, _)| *newest).max() else { return Ok(()) };
    for (.., packed) in saves.iter().filter(|(_, at, _)| *at >= newest.saturating_sub(RECENT_FOR_MS)) {
        packed::unpack_recent(packed, seen_from(newest), touches).ok_or_else(unreadable)?;
    }
    Ok(())
}

fn unreadable(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} in Redis is not what was saved"))
}
