//! A link's clicks in runs: an entry of an index for each would cost more than all else of a click.

use rusqlite::{Row, Transaction, params};
use schemas::{decision::Outcome, facts::ClickFact, ids::LinkId};

use super::rows::row_id;
use crate::sqlite::row::{int, unreadable};

/// Clicks in a run at the most.
const RUN_CLICKS: usize = 256;

/// A run's first and last click are no further apart, so that who looks for a time knows which runs can hold it.
pub(super) const RUN_SPAN_MS: i64 = 60_000;

/// A click of a link, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    pub(super) at: i64,
    pub(super) id: i64,
    pub(super) is_bot: bool,
}

impl Kept {
    pub(super) fn of(click: &ClickFact) -> Option<(LinkId, Kept)> {
        let is_bot = match click.outcome {
            Outcome::Counted => false,
            Outcome::Bot => true,
            _ => return None,
        };
        Some((click.link, Kept { at: click.at.0, id: row_id(click.position), is_bot }))
    }
}

pub(super) fn insert(transaction: &Transaction<'_>, clicks: &[&ClickFact]) -> rusqlite::Result<()> {
    let mut kept: Vec<(LinkId, Kept)> = clicks.iter().filter_map(|click| Kept::of(click)).collect();
    kept.sort_unstable_by_key(|(link, kept)| (int(link.0), *kept));
    kept.chunk_by(|(link, _), (next, _)| link == next).try_for_each(|clicks| {
        let kept: Vec<Kept> = clicks.iter().map(|(_, kept)| *kept).collect();
        insert_clicks(transaction, int(clicks[0].0.0), &kept)
    })
}

/// Clicks of one link, oldest first.
pub(super) fn insert_clicks(transaction: &Transaction<'_>, link: i64, mut clicks: &[Kept]) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO clicks_of_link (link, newest, first, last, packed) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    while let Some(oldest) = clicks.first() {
        let near = |click: &Kept| click.at.saturating_sub(oldest.at) <= RUN_SPAN_MS;
        let (run, rest) = clicks.split_at(clicks.iter().take(RUN_CLICKS).take_while(|click| near(click)).count());
        let ids = || run.iter().map(|click| click.id);
        let newest = run.last().map_or(oldest.at, |click| click.at);
        let (first, last) = (ids().min().unwrap_or(oldest.id), ids().max().unwrap_or(oldest.id));
        insert.execute(params![link, newest, first, last, pack(run, newest, first)])?;
        clicks = rest;
    }
    Ok(())
}

/// The columns `newest, first, packed` from this one on.
pub(super) fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<Kept>> {
    let (newest, first) = (row.get(column)?, row.get(column + 1)?);
    let packed = row.get_ref(column + 2)?.as_blob()?;
    unpack(packed, newest, first).ok_or_else(|| unreadable(column + 2, "a run of clicks"))
}

fn pack(run: &[Kept], newest: i64, first: i64) -> Vec<u8> {
    let mut packed = Vec::with_capacity(run.len() * 4);
    for click in run {
        push(&mut packed, newest.abs_diff(click.at) << 1 | u64::from(click.is_bot));
        push(&mut packed, first.abs_diff(click.id));
    }
    packed
}

fn unpack(mut packed: &[u8], newest: i64, first: i64) -> Option<Vec<Kept>> {
    let mut run = Vec::new();
    while !packed.is_empty() {
        let (age, after) = (take(&mut packed)?, take(&mut packed)?);
        let at = newest.checked_sub_unsigned(age >> 1)?;
        run.push(Kept { at, id: first.checked_add_unsigned(after)?, is_bot: age & 1 == 1 });
    }
    Some(run)
}

/// Seven bits a byte, the least first; the eighth says that more follow.
fn push(packed: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

fn take(packed: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = packed.split_first()?;
        *packed = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_as_it_was_packed() {
        let kept = |at, id, is_bot| Kept { at, id, is_bot };
        for run in [
            vec![kept(-5, 0, false)],
            vec![kept(1_000, 9, true), kept(1_000, 70_000, false), kept(61_000, 3, false)],
            (0..300).map(|n| kept(n * 200, (1 << 50) + n * 400, n % 7 == 0)).collect(),
        ] {
            let (newest, first) = (run.iter().map(|kept| kept.at).max(), run.iter().map(|kept| kept.id).min());
            let packed = pack(&run, newest.unwrap_or(0), first.unwrap_or(0));
            assert_eq!(unpack(&packed, newest.unwrap_or(0), first.unwrap_or(0)), Some(run));
        }
        for broken in [&[0x80][..], &[1], &[0xff; 11], &[2, 0x80]] {
            assert_eq!(unpack(broken, 0, 0), None, "{broken:?}");
        }
    }
}
