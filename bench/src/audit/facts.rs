//! Facts: as many rows as the ledger counts outcomes, none that a merge would drop, and sums by day that are the rows' sums.

use super::{
    Found,
    counts::{Counts, Outcomes, Stores, code},
    store::Store,
};

const OUTCOMES: [(u8, &str); 4] =
    [(code::COUNTED, "counted"), (code::BOT, "bots'"), (code::DUPLICATE, "duplicate"), (code::REFUSED, "refused")];

pub(super) async fn compare(stores: &Stores, before: &Counts, found: &mut Found) -> anyhow::Result<()> {
    let Some(facts) = &stores.facts else { return Ok(()) };
    let new = before.ends.after("log_offset");
    for (table, what) in [("clicks", "clicks"), ("conversion_changes", "changes of orders")] {
        if !facts.last().is_empty() {
            let [all] = facts.numbers(&format!("SELECT count(*) FROM {table} WHERE {new}")).await?;
            let [last] = facts.numbers(&format!("SELECT count(*) FROM {table}{} WHERE {new}", facts.last())).await?;
            found.line(format!("{what} in facts: rows with FINAL, and without"), last, all);
        }
    }
    let rows = Outcomes::of_clicks(facts, before).await?;
    let now = Counts::read(stores).await?;
    if let Some(ledger) = &stores.ledger {
        compare_outcomes(&now.outcomes.since(&before.outcomes), ledger, before, &now, rows.clone(), found).await?;
    }
    compare_sums(facts, before, &now, &rows, found).await
}

/// By company, and all of them together.
async fn compare_outcomes(
    outcomes: &Outcomes,
    ledger: &Store,
    before: &Counts,
    now: &Counts,
    mut rows: Outcomes,
    found: &mut Found,
) -> anyhow::Result<()> {
    for (outcome, name) in OUTCOMES {
        let (counted, there) = (outcomes.sum(code::CLICK, &[outcome]), rows.sum(code::CLICK, &[outcome]));
        if (counted, there) != (0, 0) {
            found.line(format!("clicks {name}: rows in facts"), counted, there);
        }
    }
    rows.0.extend(Outcomes::of_orders(ledger, before).await?.0);
    rows.0.extend(now.refunds.since(&before.refunds).0);
    let is_a_row = |kind: u8, outcome: u8| match kind {
        code::CLICK => outcome != code::EDGE_REFUSED,
        code::REFUND => outcome == code::APPLIED,
        code::REVIEW => false,
        _ => matches!(outcome, code::ATTRIBUTED | code::UNATTRIBUTED),
    };
    found.nothing("outcomes, by company, that are not as many as their rows", outcomes.differences(&rows, is_a_row));
    Ok(())
}

async fn compare_sums(
    facts: &Store,
    before: &Counts,
    now: &Counts,
    rows: &Outcomes,
    found: &mut Found,
) -> anyhow::Result<()> {
    let since = |table: &str| {
        let of = |counts: &Counts| counts.sums.get(table).copied().unwrap_or_default();
        let (was, is) = (of(before), of(now));
        [is[0] - was[0], is[1] - was[1], is[2] - was[2]]
    };
    let (counted, bots) = (rows.sum(code::CLICK, &[code::COUNTED]), rows.sum(code::CLICK, &[code::BOT]));
    let wanted = [("clicks_by_day", counted + bots), ("sources_by_day", counted), ("pages_by_day", counted)];
    for (table, wanted) in wanted {
        found.line(format!("clicks in facts: in {table}"), wanted, since(table).iter().sum::<i128>());
    }
    let changes: [i128; 3] = facts
        .numbers(&format!(
            "SELECT sum(conversions), sum(commission_minor), sum(partner_minor) FROM conversion_changes{} WHERE {}",
            facts.last(),
            before.ends.after("log_offset")
        ))
        .await?;
    for ((what, wanted), is) in
        ["orders that count", "commission", "partners' part"].into_iter().zip(changes).zip(since("sales_by_day"))
    {
        if (wanted, is) != (0, 0) {
            found.line(format!("{what} in facts: in sales_by_day"), wanted, is);
        }
    }
    Ok(())
}

impl Outcomes {
    async fn of_clicks(facts: &Store, before: &Counts) -> anyhow::Result<Outcomes> {
        let (outcome, last, new) = (facts.code("outcome"), facts.last(), before.ends.after("log_offset"));
        Outcomes::read(
            facts,
            &format!("SELECT company, 1, {outcome}, count(*) FROM clicks{last} WHERE {new} GROUP BY company, outcome"),
        )
        .await
    }

    async fn of_orders(ledger: &Store, before: &Counts) -> anyhow::Result<Outcomes> {
        let new = before.ends.after("\"offset\"");
        Outcomes::read(
            ledger,
            &format!(
                "SELECT company, CASE kind WHEN 1 THEN 3 ELSE 2 END, CASE standing WHEN 1 THEN 5 ELSE 6 END, count(*)
                 FROM @conversions WHERE {new} AND standing IN (1, 2) GROUP BY company, kind, standing"
            ),
        )
        .await
    }
}
