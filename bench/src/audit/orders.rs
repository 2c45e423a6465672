//! Orders and refunds: each that was acknowledged is in the ledger as it was sent and answered, and in facts where it earns.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::{
    Found,
    acknowledged::{Acknowledged, Kind, Order},
    counts::Counts,
    matched::Matched,
    store::{Row, Store},
};

/// How the ledger writes what became of an order.
const ATTRIBUTED: u8 = 1;
const REFUSED: u8 = 3;

/// How it writes that nobody had to look at it, and that somebody has to.
const NOT_REVIEWED: [u8; 2] = [1, 2];

/// A row of the ledger.
struct Kept {
    id: u128,
    amount_minor: i64,
    refunded_minor: i64,
    standing: u8,
    commission_minor: i64,
    partner_minor: i64,
    review: u8,
}

pub(super) async fn compare_ledger(
    ledger: &Store,
    before: &Counts,
    acknowledged: &Acknowledged,
    found: &mut Found,
) -> anyhow::Result<()> {
    let Some(told) = acknowledged.told.get(&Kind::Order) else { return Ok(()) };
    let wanted = each_once(&acknowledged.orders);
    let (mut there, mut strangers, mut wrong) = (0_u64, 0_u64, 0_u64);
    each_kept(ledger, before, |kept| match wanted.binary_search_by_key(&kept.id, |order| order.id) {
        Ok(at) => {
            there += 1;
            wrong += u64::from(!kept.is_as(&wanted[at]));
        }
        // What was refused is kept under its id, and its caller was told so.
        Err(_) => strangers += u64::from(kept.standing != REFUSED),
    })
    .await?;
    found.line("orders acknowledged: in the ledger", wanted.len() as u64, there);
    found.nothing("orders in the ledger that were not acknowledged", strangers.saturating_sub(told.unsure));
    found.nothing("orders worth something else than was sent and answered", wrong);
    compare_refunds(ledger, acknowledged, found).await
}

pub(super) async fn compare_facts(
    ledger: &Store,
    facts: &Store,
    before: &Counts,
    acknowledged: &Acknowledged,
    found: &mut Found,
) -> anyhow::Result<()> {
    if let Some(told) = acknowledged.told.get(&Kind::Order) {
        let orders = each_once(&acknowledged.orders);
        let mut wanted = Vec::new();
        each_kept(ledger, before, |kept| {
            if kept.standing == ATTRIBUTED && orders.binary_search_by_key(&kept.id, |order| order.id).is_ok() {
                wanted.push(cut(&kept.id));
            }
        })
        .await?;
        wanted.sort_unstable();
        let made = format!(
            "SELECT #conversion FROM conversion_changes WHERE {} AND {} IN (2, 3)",
            before.ends.after("log_offset"),
            facts.code("kind")
        );
        let mut made = cuts(facts, &made, |row| Ok(cut(&row.wide(0)?))).await?;
        let matched = Matched::of(&wanted, &mut made);
        found.line("orders acknowledged that earn: once in facts", wanted.len() as u64, matched.right);
        found.nothing("orders in facts that were not acknowledged", matched.more.saturating_sub(told.unsure));
    }
    compare_changes(ledger, facts, before, found).await
}

async fn compare_refunds(ledger: &Store, acknowledged: &Acknowledged, found: &mut Found) -> anyhow::Result<()> {
    if !acknowledged.told.contains_key(&Kind::Refund) {
        return Ok(());
    }
    let mut wanted: Vec<u64> =
        acknowledged.refunds.iter().map(|refund| cut(&(refund.conversion, refund.name.as_str()))).collect();
    wanted.sort_unstable();
    let refunds = "SELECT #conversion, label FROM @refunds";
    let mut there = cuts(ledger, refunds, |row| Ok(cut(&(row.wide(0)?, row.text(1)?)))).await?;
    let matched = Matched::of(&wanted, &mut there);
    found.line("refunds acknowledged: in the ledger", wanted.len() as u64, matched.right);
    Ok(())
}

/// By how much each event changed an order, from first to last column.
async fn compare_changes(ledger: &Store, facts: &Store, before: &Counts, found: &mut Found) -> anyhow::Result<()> {
    const SUMS: &str =
        "conversions, revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor";
    let of = |offset: &str, kind: &str, at: &str, table: &str| {
        let new = before.ends.after(offset);
        format!(
            "SELECT partition, {offset}, #conversion, #event, {kind}, company, program, partner, link, currency, {at}, {SUMS}
             FROM {table} WHERE {new}"
        )
    };
    let kept = of("\"offset\"", "kind", "at_ms", "@changes");
    let mut kept = cuts(ledger, &kept, change).await?;
    kept.sort_unstable();
    let shown = of("log_offset", &facts.code("kind"), &facts.code("at"), "conversion_changes");
    let mut shown = cuts(facts, &shown, change).await?;
    if !kept.is_empty() || !shown.is_empty() {
        let matched = Matched::of(&kept, &mut shown);
        found.line("changes of orders in the ledger: once in facts", kept.len() as u64, matched.right);
        found.nothing("changes of orders in facts and not in the ledger", matched.more);
    }
    Ok(())
}

fn change(row: &Row<'_>) -> anyhow::Result<u64> {
    let place = (row.number::<u32>(0)?, row.number::<u64>(1)?, row.wide(2)?, row.wide(3)?, row.number::<u8>(4)?);
    let whose = (row.id(5)?, row.id(6)?, row.id(7)?, row.id(8)?, row.text(9)?, row.number::<i64>(10)?);
    let sums = (11..17).map(|at| row.number::<i64>(at)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(cut(&(place, whose, sums)))
}

/// In order. One that came twice was answered twice, and is there once.
fn each_once(orders: &[Order]) -> Vec<Order> {
    let mut orders = orders.to_vec();
    orders.sort_by_key(|order| (order.id, order.decided.is_none()));
    orders.dedup_by_key(|order| order.id);
    orders
}

async fn each_kept(ledger: &Store, before: &Counts, mut each: impl FnMut(&Kept)) -> anyhow::Result<()> {
    let question = format!(
        "SELECT #id, amount_minor, refunded_minor, standing, commission_minor, partner_minor, review
         FROM @conversions WHERE {}",
        before.ends.after("\"offset\"")
    );
    ledger
        .each(&question, &mut |row| {
            each(&Kept {
                id: row.wide(0)?,
                amount_minor: row.number(1)?,
                refunded_minor: row.number(2)?,
                standing: row.number(3)?,
                commission_minor: row.number(4)?,
                partner_minor: row.number(5)?,
                review: row.number(6)?,
            });
            Ok(())
        })
        .await
}

impl Kept {
    /// What somebody refunded or looked at since is worth something else for a reason, and so is one that a late click has won.
    fn is_as(&self, order: &Order) -> bool {
        let attributed = self.standing == ATTRIBUTED;
        let as_answered = order.decided.is_none_or(|decided| {
            let has_changed = self.refunded_minor != 0 || (attributed && !NOT_REVIEWED.contains(&self.review));
            let was_won_late = attributed && !decided.attributed;
            let says = (attributed, self.commission_minor, self.partner_minor);
            has_changed || was_won_late || says == (decided.attributed, decided.commission_minor, decided.partner_minor)
        });
        self.amount_minor == order.value_minor && as_answered
    }
}

async fn cuts(store: &Store, question: &str, of: fn(&Row<'_>) -> anyhow::Result<u64>) -> anyhow::Result<Vec<u64>> {
    let mut cuts = Vec::new();
    store
        .each(question, &mut |row| {
            cuts.push(of(row)?);
            Ok(())
        })
        .await?;
    Ok(cuts)
}

/// Eight bytes of whatever it is: ids that are made in a row are told apart by neither of their halves for sure.
pub(super) fn cut(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
