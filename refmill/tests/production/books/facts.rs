use super::columns::{Columns, of_facts};
use super::ledger::change;
use super::{ClickFact, Facts, Rollup};
use crate::cluster::{Cluster, Shape};

/// A table of sums: what a row is of, and what is summed.
struct Sums {
    table: &'static str,
    of: &'static [&'static str],
    sums: &'static [&'static str],
}

const ROLLUPS: [Sums; 4] = [
    Sums { table: "clicks_by_day", of: &["company", "day", "partner", "link"], sums: &["clicks", "bots"] },
    Sums { table: "sources_by_day", of: &["company", "day", "source"], sums: &["clicks"] },
    Sums { table: "pages_by_day", of: &["company", "day", "path"], sums: &["clicks"] },
    Sums {
        table: "sales_by_day",
        of: &["company", "day", "partner", "link", "currency"],
        sums: &[
            "conversions",
            "revenue_minor",
            "commission_minor",
            "approved_minor",
            "partner_minor",
            "partner_approved_minor",
        ],
    },
];

pub(super) async fn read(cluster: &Cluster) -> Result<Facts, String> {
    let is_embedded = cluster.plan.shape == Shape::Embedded;
    let (day, code, at) = if is_embedded {
        ("day", "outcome", "at")
    } else {
        ("toUInt32(day)", "toInt8(outcome)", "toUnixTimestamp64Milli(at)")
    };
    let kind = if is_embedded { "kind" } else { "toInt8(kind)" };
    let clicks = format!(
        "SELECT log_offset, #event, company, {day}, partner, link, {code}, #receipt, landing_path, source FROM clicks"
    );
    let clicks = of_facts(cluster, &clicks).await?.into_iter().map(|row| click(&mut Columns::of(row))).collect();
    let changes = format!(
        "SELECT partition, log_offset, #conversion, #event, {kind}, company, partner, link, currency, {at}, conversions,
         revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor FROM conversion_changes"
    );
    let changes = of_facts(cluster, &changes).await?.into_iter().map(|row| change(&mut Columns::of(row))).collect();
    let last = if is_embedded { "" } else { " FINAL" };
    let count = async |table: &str| -> Result<usize, String> {
        let counted = of_facts(cluster, &format!("SELECT count(*) FROM {table}{last}")).await?;
        Ok(counted[0][0].parse().expect("a count"))
    };
    let mut rollups = Vec::new();
    for sums in &ROLLUPS {
        rollups.extend(sums.read(cluster, day).await?);
    }
    let (clicks_final, changes_final) = (count("clicks").await?, count("conversion_changes").await?);
    Ok(Facts { clicks, changes, clicks_final, changes_final, rollups })
}

fn click(row: &mut Columns) -> ClickFact {
    ClickFact {
        offset: row.number(),
        event: row.wide(),
        company: row.id(),
        day: row.number(),
        partner: row.id(),
        link: row.id(),
        outcome: row.number(),
        receipt: row.text().to_lowercase(),
        path: row.text(),
        source: row.text(),
    }
}

impl Sums {
    async fn read(&self, cluster: &Cluster, day: &str) -> Result<Vec<Rollup>, String> {
        let of: Vec<&str> = self.of.iter().map(|column| if *column == "day" { day } else { column }).collect();
        let sums: Vec<String> = self.sums.iter().map(|column| format!("sum({column})")).collect();
        let (table, grouped) = (self.table, of.join(", "));
        let question = format!("SELECT {grouped}, {} FROM {table} GROUP BY {grouped}", sums.join(", "));
        let rows = of_facts(cluster, &question).await?;
        let rollup = |row: Vec<String>| {
            let mut columns = Columns::of(row);
            let of = self.of.iter().map(|name| match *name {
                "company" | "partner" | "link" => columns.id().to_string(),
                _ => columns.text(),
            });
            let of = of.collect();
            Rollup { table, of, sums: self.sums.iter().map(|_| columns.number()).collect() }
        };
        Ok(rows.into_iter().map(rollup).filter(|rollup| rollup.sums.iter().any(|sum| *sum != 0)).collect())
    }
}
