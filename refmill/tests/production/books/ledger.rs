use super::columns::{Columns, of_ledger};
use super::kafka;
use super::{Balance, Books, Change, Conversion, Key, Progress, Refund, Transfer};
use crate::cluster::{Cluster, Shape};

pub(super) async fn read(cluster: &Cluster, books: &mut Books) -> Result<(), String> {
    books.progress = progress(cluster).await?;
    books.conversions = conversions(cluster).await?;
    books.changes = changes(cluster).await?;
    read_money(cluster, books).await?;
    read_counts(cluster, books).await?;
    let keys = "SELECT #key_hash, #conversion FROM @keys WHERE conversion IS NOT NULL";
    books.keys = rows(cluster, keys, |row| Key { hash: row.wide(), conversion: row.wide() }).await?;
    let waiting: std::collections::BTreeMap<_, _> = waiting(cluster).await?.into_iter().collect();
    books.parked = waiting["parked"];
    books.settles_due = waiting["settles_due"] + waiting["late_notes"];
    books.replies = untold(cluster).await?;
    books.unmarked = waiting["plans"];
    books.quarantined = count(cluster, "quarantine").await?;
    Ok(())
}

pub(super) async fn progress(cluster: &Cluster) -> Result<Vec<Progress>, String> {
    let question = "SELECT partition, next, planned, published FROM @progress ORDER BY partition";
    let read = |row: &mut Columns| Progress {
        partition: row.number(),
        next: row.number(),
        planned: row.number(),
        published: row.number(),
    };
    rows(cluster, question, read).await
}

/// Blocks that are planned and not marked.
async fn plans(cluster: &Cluster) -> Result<u64, String> {
    let question = "SELECT partition, CAST(marked AS integer) FROM @plans";
    let marks = rows(cluster, question, |row| (row.text(), row.text()).1).await?;
    Ok(marks.iter().filter(|mark| *mark == "0").count() as u64)
}

/// All that waits for something: it is nothing once everything is decided and told.
pub(super) async fn waiting(cluster: &Cluster) -> Result<Vec<(&'static str, u64)>, String> {
    // Others wait for no more than a click that may come late, and were decided without it.
    let parked = "parked WHERE facts_offset IS NOT NULL OR expires_at_ms IS NOT NULL";
    let mut found = vec![("parked", count(cluster, parked).await?), ("plans", plans(cluster).await?)];
    for table in ["settles_due", "late_notes"] {
        found.push((table, count(cluster, table).await?));
    }
    Ok(found)
}

/// Replies that are kept and not among the decisions yet. An owner takes those that are away with its next batch, which may be a
/// tick's.
pub(super) async fn untold(cluster: &Cluster) -> Result<u64, String> {
    let kept = match cluster.plan.shape {
        Shape::Embedded => of_ledger(cluster, "SELECT #record FROM @replies").await?,
        Shape::Distributed => cluster.place().sql("SELECT encode(unnest(records), 'hex') FROM ledger.replies").await?,
    };
    if kept.is_empty() {
        return Ok(0);
    }
    let told = kafka::decisions(cluster)?;
    Ok(kept.iter().filter(|row| !told.contains(&row[0].to_lowercase())).count() as u64)
}

async fn count(cluster: &Cluster, of: &str) -> Result<u64, String> {
    let counted = of_ledger(cluster, &format!("SELECT count(*) FROM @{of}")).await?;
    Ok(counted[0][0].parse().expect("a count"))
}

async fn conversions(cluster: &Cluster) -> Result<Vec<Conversion>, String> {
    let question = "SELECT #id, company, kind, partner, label, amount_minor, currency, refunded_minor,
        standing, commission_minor, partner_minor, platform_minor, review, house_status, signals FROM @conversions";
    let read = |row: &mut Columns| Conversion {
        id: row.wide(),
        company: row.id(),
        kind: row.number(),
        partner: row.id(),
        label: row.text(),
        amount_minor: row.number(),
        currency: row.text(),
        refunded_minor: row.number(),
        standing: row.number(),
        commission_minor: row.number(),
        partner_minor: row.number(),
        platform_minor: row.number(),
        review: row.number(),
        house_status: row.number(),
        signals: row.text(),
    };
    rows(cluster, question, read).await
}

async fn changes(cluster: &Cluster) -> Result<Vec<Change>, String> {
    let question = "SELECT partition, \"offset\", #conversion, #event, kind, company, partner, link, currency, at_ms,
        conversions, revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor FROM @changes";
    rows(cluster, question, change).await
}

pub(super) fn change(row: &mut Columns) -> Change {
    Change {
        partition: row.number(),
        offset: row.number(),
        conversion: row.wide(),
        event: row.wide(),
        kind: row.number(),
        company: row.id(),
        partner: row.id(),
        link: row.id(),
        currency: row.text(),
        at_ms: row.number(),
        conversions: row.number(),
        revenue_minor: row.number(),
        commission_minor: row.number(),
        approved_minor: row.number(),
        partner_minor: row.number(),
        partner_approved_minor: row.number(),
    }
}

async fn read_money(cluster: &Cluster, books: &mut Books) -> Result<(), String> {
    let transfers = "SELECT #conversion, #id, debit_kind, debit_company, debit_partner, credit_kind, credit_company, credit_partner,
        amount_minor, currency FROM @transfers";
    let read = |row: &mut Columns| Transfer {
        conversion: row.wide(),
        id: row.wide(),
        debit: (row.number(), row.id(), row.id()),
        credit: (row.number(), row.id(), row.id()),
        amount_minor: row.number(),
        currency: row.text(),
    };
    books.transfers = rows(cluster, transfers, read).await?;
    let balances = "SELECT kind, company, partner, currency, amount_minor FROM @balances";
    let read = |row: &mut Columns| Balance {
        account: (row.number(), row.id(), row.id()),
        currency: row.text(),
        amount_minor: row.number(),
    };
    books.balances = rows(cluster, balances, read).await?;
    let refunds = "SELECT #id, #conversion, company, label, amount_minor FROM @refunds";
    let read = |row: &mut Columns| Refund {
        id: row.wide(),
        conversion: row.wide(),
        company: row.id(),
        label: row.text(),
        amount_minor: row.number(),
    };
    books.refunds = rows(cluster, refunds, read).await?;
    Ok(())
}

async fn read_counts(cluster: &Cluster, books: &mut Books) -> Result<(), String> {
    let counts = "SELECT company, kind, house_status, n FROM @status_counts";
    books.status_counts = rows(cluster, counts, |row| (row.id(), row.number(), row.number(), row.number())).await?;
    let totals = "SELECT partner, company, conversions, commission_minor FROM @partner_totals";
    books.partner_totals = rows(cluster, totals, |row| (row.id(), row.id(), row.number(), row.number())).await?;
    let outcomes = "SELECT company, kind, outcome, n FROM @outcomes";
    books.outcomes = rows(cluster, outcomes, |row| (row.id(), row.number(), row.number(), row.number())).await?;
    Ok(())
}

async fn rows<T>(cluster: &Cluster, question: &str, read: impl Fn(&mut Columns) -> T) -> Result<Vec<T>, String> {
    let rows = of_ledger(cluster, question).await?;
    Ok(rows.into_iter().map(|row| read(&mut Columns::of(row))).collect())
}
