use std::{cmp::Reverse, collections::BTreeMap, ops::Range};

use rules::touches::Touch;
use rusqlite::{Row, Transaction, params};
use schemas::{
    ids::{EventId, LinkId},
    receipt::Receipt,
    time::TimeMs,
    web::{Device, Page as WebPage},
};

use super::{
    SqliteFacts,
    rows::{position_of, row_ids},
    runs::{self, Kept, RUN_SPAN_MS},
};
use crate::{
    Listed, Page, StoreError,
    facts::{LinkClick, TOUCHES_OF_A_LINK},
    sqlite::row::{get_id, get_text, get_wide, int, unreadable},
};

/// A run's newest click may be later than what is looked for, and another of it not.
const NEWEST_RUNS: &str = "SELECT newest, first, packed FROM clicks_of_link \
                           WHERE link = ?1 AND newest >= ?2 AND newest < ?3 ORDER BY newest DESC";
const OLDEST_RUNS: &str = "SELECT newest, first, packed FROM clicks_of_link \
                           WHERE link = ?1 AND newest >= ?2 AND newest < ?3 ORDER BY newest";
const ALL_RUNS: &str = "SELECT newest, first, packed, link FROM clicks_of_link";
const TOUCH: &str = "SELECT receipt, event, id, at FROM click_rows WHERE id = ?1";
const CLICK: &str = "SELECT at, receipt, landing_host, landing_path, referrer_host, device FROM clicks WHERE id = ?1";
const CLICK_COUNT: &str = "SELECT coalesce(sum(clicks + bots), 0) FROM clicks_by_day WHERE link = ?1";

const ALL_TIMES: Range<i64> = i64::MIN..i64::MAX;

impl SqliteFacts {
    pub(crate) async fn touches_of(
        &self,
        link: LinkId,
        from: TimeMs,
        until: TimeMs,
        before_offset: u64,
    ) -> Result<Vec<Touch>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let times = from.0..until.0;
            let wanted = |kept: &Kept| !kept.is_bot && position_of(kept.id).offset < before_offset;
            let mut kept = newest(transaction, link, times.clone(), (0, TOUCHES_OF_A_LINK as usize), wanted)?;
            if kept.len() >= TOUCHES_OF_A_LINK as usize
                && let Some(oldest) = oldest(transaction, link, times, wanted)?
            {
                kept.retain(|kept| kept.id != oldest.id);
                kept.push(oldest);
            }
            let touches = kept.iter().rev().map(|kept| touch(transaction, kept.id));
            Ok(touches.collect::<rusqlite::Result<_>>()?)
        };
        self.readers.read(read).await
    }

    /// First and last of every link, in no order.
    pub(crate) async fn ends_before(&self, partition: u32, offset: u64) -> Result<Vec<Touch>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let ids = row_ids(partition, 0, offset);
            let mut ends = BTreeMap::<u64, (Kept, Kept)>::new();
            let mut select = transaction.prepare_cached(ALL_RUNS)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let link = get_id(row, 3)?;
                for kept in runs::read(row, 0)?.into_iter().filter(|kept| !kept.is_bot && ids.contains(&kept.id)) {
                    let (first, last) = ends.entry(link).or_insert((kept, kept));
                    (*first, *last) = (kept.min(*first), kept.max(*last));
                }
            }
            let each = ends.into_values().flat_map(|(first, last)| [Some(first), (first != last).then_some(last)]);
            let touches = each.flatten().map(|kept| touch(transaction, kept.id));
            Ok(touches.collect::<rusqlite::Result<_>>()?)
        };
        self.readers.read(read).await
    }

    pub(crate) async fn link_clicks(&self, link: LinkId, page: Page) -> Result<Listed<LinkClick>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let [skipped, count] =
                [page.skipped(), page.limit()].map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
            let kept = newest(transaction, link, ALL_TIMES, (skipped, count), |_| true)?;
            let mut select = transaction.prepare_cached(CLICK)?;
            let rows = kept.iter().map(|kept| select.query_row([kept.id], click));
            let rows = rows.collect::<rusqlite::Result<_>>()?;
            let total = transaction.prepare_cached(CLICK_COUNT)?.query_row([int(link.0)], |row| get_id(row, 0))?;
            Ok(Listed { rows, total })
        };
        self.readers.read(read).await
    }
}

/// What of a link's clicks stands at a place in their list, the newest first. No more of it is held than a page and what came together.
fn newest(
    transaction: &Transaction<'_>,
    link: LinkId,
    times: Range<i64>,
    (mut skipped, count): (usize, usize),
    wanted: impl Fn(&Kept) -> bool,
) -> rusqlite::Result<Vec<Kept>> {
    let mut select = transaction.prepare_cached(NEWEST_RUNS)?;
    let until = times.end.saturating_add(RUN_SPAN_MS);
    let mut rows = select.query(params![int(link.0), times.start, until])?;
    let mut found: Vec<Kept> = Vec::new();
    while let Some(row) = rows.next()? {
        let newest_of_run: i64 = row.get(0)?;
        let before = found.partition_point(|kept| kept.at > newest_of_run);
        let passed = before.min(skipped);
        found.drain(..passed);
        skipped -= passed;
        if skipped == 0 && before - passed >= count {
            break;
        }
        found.extend(runs::read(row, 0)?.into_iter().filter(|kept| times.contains(&kept.at) && wanted(kept)));
        found.sort_by_key(|kept| Reverse(*kept));
        found.truncate(skipped.saturating_add(count));
    }
    found.drain(..skipped.min(found.len()));
    found.truncate(count);
    Ok(found)
}

fn oldest(
    transaction: &Transaction<'_>,
    link: LinkId,
    times: Range<i64>,
    wanted: impl Fn(&Kept) -> bool,
) -> rusqlite::Result<Option<Kept>> {
    let mut select = transaction.prepare_cached(OLDEST_RUNS)?;
    let until = times.end.saturating_add(RUN_SPAN_MS);
    let mut rows = select.query(params![int(link.0), times.start, until])?;
    let mut oldest: Option<Kept> = None;
    while let Some(row) = rows.next()? {
        let newest_of_run: i64 = row.get(0)?;
        if oldest.is_some_and(|oldest| newest_of_run.saturating_sub(RUN_SPAN_MS) > oldest.at) {
            break;
        }
        let run = runs::read(row, 0)?.into_iter().filter(|kept| times.contains(&kept.at) && wanted(kept));
        oldest = oldest.into_iter().chain(run).min();
    }
    Ok(oldest)
}

fn touch(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<Touch> {
    transaction.prepare_cached(TOUCH)?.query_row([id], |row| {
        Ok(Touch {
            receipt: receipt(row, 0)?,
            event: EventId(get_wide(row, 1)?),
            position: position_of(row.get(2)?),
            at: TimeMs(row.get(3)?),
        })
    })
}

fn click(row: &Row<'_>) -> rusqlite::Result<LinkClick> {
    Ok(LinkClick {
        at: TimeMs(row.get(0)?),
        visit: receipt(row, 1)?.fields().visit,
        landing: WebPage { host: get_text(row, 2)?, path: get_text(row, 3)? },
        referrer_host: row.get(4)?,
        device: Device::parse(row.get_ref(5)?.as_str()?).ok_or_else(|| unreadable(5, "no class of device"))?,
    })
}

pub(super) fn receipt(row: &Row<'_>, column: usize) -> rusqlite::Result<Receipt> {
    Receipt::from_bytes(row.get(column)?).map_err(|_| unreadable(column, "no receipt"))
}
