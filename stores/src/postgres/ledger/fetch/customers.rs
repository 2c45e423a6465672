use std::collections::{BTreeMap, HashMap};

use rules::known::{ClickName, LinkSales, RECENT_VALUES};
use schemas::{
    ids::{CompanyId, LinkId},
    money::Currency,
};

use super::Asked;
use crate::{
    StoreError,
    ledger::{LedgerFetched, LedgerNeeds},
    postgres::ledger::{
        ask::{Ask, Told, column},
        columns::{get_currency, get_id, get_wide, int, unreadable},
    },
};

pub(super) fn clicks(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    let clicks: Vec<ClickName> = needs.click_customers.iter().copied().collect();
    if clicks.is_empty() {
        return None;
    }
    let ask = Ask::rows(
        "SELECT c.link, c.event_id_hash, c.customer FROM unnest($1::bigint[], $2::bigint[]) asked (link, event_id_hash)
         JOIN ledger.click_customers c USING (link, event_id_hash)",
        vec![column(&clicks, |click| int(click.link.0)), column(&clicks, |click| int(click.event_id_hash))],
    );
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        for row in told.rows() {
            let click = ClickName { link: LinkId(get_id(&row, 0)?), event_id_hash: get_id(&row, 1)? };
            fetched.click_customers.entry(click).or_default().insert(get_wide(&row, 2)?);
        }
        Ok(())
    };
    Some((ask, Box::new(take_in)))
}

/// Of all partitions together.
pub(super) fn link_sales(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    let links: Vec<_> =
        needs.link_sales.iter().map(|(link, from)| (int(link.0), LinkSales::bucket_of(*from))).collect();
    if links.is_empty() {
        return None;
    }
    let ask = Ask::rows(
        "SELECT s.link, s.bucket, s.n FROM unnest($1::bigint[], $2::bigint[]) asked (link, first)
         JOIN ledger.link_sales s ON s.link = asked.link AND s.bucket >= asked.first",
        vec![column(&links, |link| link.0), column(&links, |link| link.1)],
    );
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        let mut found: BTreeMap<LinkId, BTreeMap<i64, i64>> = BTreeMap::new();
        for row in told.rows() {
            let buckets = found.entry(LinkId(get_id(&row, 0)?)).or_default();
            let n: &mut i64 = buckets.entry(row.try_get(1)?).or_default();
            *n = n.saturating_add(row.try_get(2)?);
        }
        for (link, mut buckets) in found {
            let newest = buckets.last_key_value().map_or(0, |(bucket, _)| *bucket);
            let kept = buckets.split_off(&(newest - LinkSales::KEPT));
            let count =
                |n| u32::try_from(n).map_err(|_| StoreError::Corrupt(format!("{n} sales of {link:?} are no count")));
            let buckets =
                kept.into_iter().map(|(bucket, n)| Ok((bucket, count(n)?))).collect::<Result<_, StoreError>>()?;
            fetched.link_sales.insert(link, LinkSales { buckets });
        }
        Ok::<(), StoreError>(())
    };
    Some((ask, Box::new(take_in)))
}

/// Those of all partitions by the time of the batches that decided them; of one partition in the order in which it did.
pub(super) fn recent_values(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    let values: Vec<(CompanyId, Currency)> = needs.recent_values.iter().copied().collect();
    if values.is_empty() {
        return None;
    }
    let ask = Ask::rows(
        "SELECT v.company, v.currency, v.recent FROM unnest($1::bigint[], $2::text[]) asked (company, currency)
         JOIN ledger.recent_values v USING (company, currency) ORDER BY v.company, v.currency, v.partition",
        vec![column(&values, |(company, _)| int(company.0)), column(&values, |(_, currency)| currency.code())],
    );
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        let mut timed: HashMap<(CompanyId, Currency), Vec<(i64, i64)>> = HashMap::new();
        for row in told.rows() {
            let own = unpack(row.try_get(2)?).ok_or_else(|| unreadable(&row, 2, "amounts"))?;
            timed.entry((CompanyId(get_id(&row, 0)?), get_currency(&row, 1)?)).or_default().extend(own);
        }
        for (of, mut values) in timed {
            values.sort_by_key(|(at, _)| *at);
            let excess = values.len().saturating_sub(RECENT_VALUES);
            fetched.recent_values.insert(of, values.drain(excess..).map(|(_, amount)| amount).collect());
        }
        Ok::<(), StoreError>(())
    };
    Some((ask, Box::new(take_in)))
}

/// Times never go back within a partition, whatever its batches' clocks said.
fn unpack(packed: &[u8]) -> Option<Vec<(i64, i64)>> {
    let (numbers, rest) = packed.as_chunks();
    let (pairs, odd) = numbers.as_chunks();
    let mut latest = i64::MIN;
    let values = pairs.iter().map(|[at, amount]| {
        latest = latest.max(i64::from_be_bytes(*at));
        (latest, i64::from_be_bytes(*amount))
    });
    (rest.is_empty() && odd.is_empty()).then(|| values.collect())
}
