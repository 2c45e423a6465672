use rules::touches::Touch;
use rusqlite::{Row, Transaction, params};
use schemas::{
    ids::{EventId, LinkId, Position},
    receipt::Receipt,
    time::TimeMs,
    web::{Device, Page as WebPage},
};

use super::SqliteFacts;
use crate::{
    Listed, Page, StoreError,
    facts::{LinkClick, TOUCHES_OF_A_LINK},
    sqlite::row::{get_id, get_wide, int, unreadable},
};

/// Outcome 1 is counted, 2 a bot's.
const NEWEST_TOUCHES: &str = "SELECT receipt, event, partition, log_offset, at FROM clicks \
                              WHERE link = ?1 AND at >= ?2 AND at < ?3 AND outcome = 1 AND log_offset < ?4 \
                              ORDER BY at DESC, log_offset DESC LIMIT ?5";
const OLDEST_TOUCH: &str = "SELECT receipt, event, partition, log_offset, at FROM clicks \
                            WHERE link = ?1 AND at >= ?2 AND at < ?3 AND outcome = 1 AND log_offset < ?4 \
                            ORDER BY at, log_offset LIMIT 1";
const ENDS: &str = "SELECT receipt, event, partition, log_offset, at FROM ( \
                    SELECT *, row_number() OVER (PARTITION BY link ORDER BY at, log_offset) AS from_first, \
                    row_number() OVER (PARTITION BY link ORDER BY at DESC, log_offset DESC) AS from_last \
                    FROM clicks WHERE partition = ?1 AND log_offset < ?2 AND outcome = 1) \
                    WHERE from_first = 1 OR from_last = 1";
const CLICKS: &str = "SELECT at, receipt, landing_host, landing_path, referrer_host, device FROM clicks \
                      WHERE link = ?1 AND outcome IN (1, 2) ORDER BY at DESC, log_offset DESC LIMIT ?2 OFFSET ?3";
const CLICK_COUNT: &str = "SELECT coalesce(sum(clicks + bots), 0) FROM clicks_by_day WHERE link = ?1";

impl SqliteFacts {
    pub(crate) async fn touches_of(
        &self,
        link: LinkId,
        from: TimeMs,
        until: TimeMs,
        before_offset: u64,
    ) -> Result<Vec<Touch>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let (link, before_offset) = (int(link.0), int(before_offset));
            let mut newest = transaction.prepare_cached(NEWEST_TOUCHES)?;
            let newest = newest.query_map(params![link, from.0, until.0, before_offset, TOUCHES_OF_A_LINK], touch)?;
            let mut touches = newest.collect::<rusqlite::Result<Vec<_>>>()?;
            if touches.len() >= TOUCHES_OF_A_LINK as usize {
                let mut oldest = transaction.prepare_cached(OLDEST_TOUCH)?;
                let oldest = oldest.query_row(params![link, from.0, until.0, before_offset], touch)?;
                touches.retain(|touch| touch.position != oldest.position);
                touches.push(oldest);
            }
            touches.reverse();
            Ok(touches)
        };
        self.readers.read(read).await
    }

    /// First and last of every link, in no order.
    pub(crate) async fn ends_before(&self, partition: u32, offset: u64) -> Result<Vec<Touch>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(ENDS)?;
            let ends = select.query_map(params![partition, int(offset)], touch)?;
            Ok(ends.collect::<rusqlite::Result<_>>()?)
        };
        self.readers.read(read).await
    }

    pub(crate) async fn link_clicks(&self, link: LinkId, page: Page) -> Result<Listed<LinkClick>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(CLICKS)?;
            let rows = select.query_map(params![int(link.0), page.limit(), page.skipped()], click)?;
            let rows = rows.collect::<rusqlite::Result<_>>()?;
            let total = transaction.prepare_cached(CLICK_COUNT)?.query_row([int(link.0)], |row| get_id(row, 0))?;
            Ok(Listed { rows, total })
        };
        self.readers.read(read).await
    }
}

fn touch(row: &Row<'_>) -> rusqlite::Result<Touch> {
    Ok(Touch {
        receipt: receipt(row, 0)?,
        event: EventId(get_wide(row, 1)?),
        position: Position { partition: row.get(2)?, offset: get_id(row, 3)? },
        at: TimeMs(row.get(4)?),
    })
}

fn click(row: &Row<'_>) -> rusqlite::Result<LinkClick> {
    Ok(LinkClick {
        at: TimeMs(row.get(0)?),
        visit: receipt(row, 1)?.fields().visit,
        landing: WebPage { host: row.get(2)?, path: row.get(3)? },
        referrer_host: row.get(4)?,
        device: Device::parse(row.get_ref(5)?.as_str()?).ok_or_else(|| unreadable(5, "no class of device"))?,
    })
}

pub(super) fn receipt(row: &Row<'_>, column: usize) -> rusqlite::Result<Receipt> {
    Receipt::from_bytes(row.get(column)?).map_err(|_| unreadable(column, "no receipt"))
}
