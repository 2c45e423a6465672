//! Clicks: every receipt that was given out is in the facts once, and there is nothing that nobody was told of.

use super::{
    Found,
    acknowledged::{Acknowledged, Kind},
    counts::Counts,
    matched::{Matched, repeated},
    orders::cut,
    store::Store,
};

/// Rows that are compared at once: what is in memory is this many numbers twice, beside those that were acknowledged.
const ROWS_AT_ONCE: i128 = 16 << 20;

pub(super) async fn compare(
    facts: &Store,
    before: &Counts,
    acknowledged: &Acknowledged,
    found: &mut Found,
) -> anyhow::Result<()> {
    let new = before.ends.after("log_offset");
    let [rows] = facts.numbers(&format!("SELECT count(*) FROM clicks WHERE {new}")).await?;
    let told = acknowledged.told.get(&Kind::Click);
    if rows == 0 && told.is_none() {
        return Ok(());
    }
    let mut wanted = acknowledged.clicks.clone();
    wanted.sort_unstable();
    let (mut matched, mut events_again) = (Matched::default(), 0);
    for (first, last) in slices(u64::try_from(rows / ROWS_AT_ONCE)? + 1) {
        let question = format!(
            "SELECT {}, #event FROM clicks WHERE {new} AND {}",
            facts.signature(),
            facts.signature_between(first, last)
        );
        let (mut signatures, mut events) = (Vec::new(), Vec::new());
        facts
            .each(&question, &mut |row| {
                signatures.push(u64::try_from(row.wide(0)?)?);
                events.push(cut(&row.wide(1)?));
                Ok(())
            })
            .await?;
        let from = wanted.partition_point(|signature| *signature < first);
        let to = wanted.partition_point(|signature| *signature <= last);
        matched += Matched::of(&wanted[from..to], &mut signatures);
        events_again += repeated(&mut events);
    }
    let unsure = told.map_or(0, |told| told.unsure);
    found.line("clicks acknowledged: once in facts", wanted.len() as u64, matched.right);
    found.nothing("clicks in facts that were not acknowledged", matched.more.saturating_sub(unsure));
    found.nothing("clicks in facts again under the same event", events_again);
    Ok(())
}

/// So many stretches of equal length that hold every number together: first and last of each.
fn slices(count: u64) -> impl Iterator<Item = (u64, u64)> {
    let length = u64::MAX / count;
    (0..count).map(move |nth| {
        (nth * length + u64::from(nth > 0), if nth + 1 == count { u64::MAX } else { (nth + 1) * length })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_hold_every_number_once() {
        for count in [1, 2, 3, 7] {
            let slices: Vec<_> = slices(count).collect();
            assert_eq!((slices.len() as u64, slices[0].0, slices[slices.len() - 1].1), (count, 0, u64::MAX));
            assert!(slices.windows(2).all(|pair| pair[0].1.checked_add(1) == Some(pair[1].0)), "{slices:?}");
        }
    }
}
