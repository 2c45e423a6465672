//! The queries of the page for analysts, run as it has them by somebody who may only read.

use std::process::Command;

use schemas::{
    decision::{EventKind, Outcome},
    facts::{ClickFact, ConversionChange, Fact},
    ids::{CompanyId, ConversionId, LinkId, PartnerId, Position},
    money::Currency,
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::DAY_MS,
    web::Utm,
};
use stores::{DeploymentId, facts::Facts};

use crate::{
    database::Database,
    place::{NOON, block, changed, clicked, sold, visited},
};

const PAGE: &str = include_str!("../../../docs/analytics.md");
const ROLE: &str = include_str!("../../../schemas/sql/facts_clickhouse/readonly_role.sql");

/// What stands between fences that say `sql`, with the line before each.
fn queries() -> Vec<(&'static str, &'static str)> {
    let parts: Vec<&str> = PAGE.split("```").collect();
    let title = |before: &'static str| before.trim_end().lines().last().unwrap_or_default();
    let pairs = parts.windows(2).filter_map(|pair| pair[1].strip_prefix("sql\n").map(|query| (title(pair[0]), query)));
    pairs.collect()
}

/// Company 1 and the days that the rows below are of, as the page says that a URL names them.
const OF_A_WEEK: &str = "param_company=1&param_from=2026-11-14&param_until=2026-11-21";

/// The rows, a line of JSON each, or what the server says instead.
fn asked(database: &Database, query: &str, parameters: &str) -> Result<String, String> {
    let (url, name) = (&database.servers.clickhouse, &database.servers.prefix);
    let url = format!("{url}/?database={name}&default_format=JSONCompactEachRow&readonly=1&{parameters}");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "60", "--data-binary", query, &url]);
    let output = curl.output().expect("curl is installed: ./scripts/services install");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stdout) + &text(output.stderr)) }
}

/// A click by one of a few browsers, of one of three partners, every seventh one a bot's and every ninth one a copy.
fn click_fact(offset: u64) -> Fact {
    let visit = if offset.is_multiple_of(7) { Visit::Bot } else { Visit::Person };
    let link = LinkId(1 + offset % 3);
    let at = NOON.plus_ms(-((offset % 4).cast_signed()) * DAY_MS + offset.cast_signed() * 1_000);
    let fields = ReceiptFields {
        visit,
        client_event_id: false,
        at,
        link,
        visitor: offset % 5,
        address_cut: 7,
        event_id_hash: offset,
    };
    let outcome = if offset.is_multiple_of(9) { Outcome::Duplicate } else { visited(0, at, link, visit).outcome };
    let utm = Utm {
        source: (offset.is_multiple_of(2)).then(|| "newsletter".into()),
        medium: (offset.is_multiple_of(2)).then(|| "e-mail".into()),
        campaign: (offset.is_multiple_of(4)).then(|| "autumn".into()),
    };
    clicked(ClickFact {
        partner: PartnerId(link.0),
        receipt: Receipt::sign(&ReceiptKey { id: ReceiptKeyId(0), secret: [7; 16] }, &fields),
        utm,
        outcome,
        ..visited(offset, at, link, visit)
    })
}

/// A sale; every fifth is refunded in part, every other one approved and every seventh rejected afterwards. Partner 4 sold last week.
fn changes_of(sale: u64, offsets: &mut impl Iterator<Item = u64>) -> Vec<Fact> {
    let partner = 1 + sale % 4;
    let days_ago = if partner == 4 { 9 } else { (sale % 5).cast_signed() };
    let made = ConversionChange {
        conversion: ConversionId(u128::from(sale) + 1_000),
        partner: Some(PartnerId(partner)),
        link: Some(LinkId(partner)),
        approved_minor: 0,
        partner_approved_minor: 0,
        ..sold(0, NOON.plus_ms(-days_ago * DAY_MS), Currency::USD, 5_000 + sale.cast_signed())
    };
    let nothing =
        ConversionChange { conversions: 0, revenue_minor: 0, commission_minor: 0, partner_minor: 0, ..made.clone() };
    let later = |change: ConversionChange| ConversionChange { changed_at: change.at.plus_ms(2 * DAY_MS), ..change };
    let mut changes = vec![made.clone()];
    if sale.is_multiple_of(5) {
        changes.push(later(ConversionChange { kind: EventKind::Refund, revenue_minor: -1_000, ..nothing.clone() }));
    }
    if sale.is_multiple_of(2) {
        let approved_minor = made.commission_minor;
        let partner_approved_minor = made.partner_minor;
        changes.push(later(ConversionChange {
            kind: EventKind::Review,
            approved_minor,
            partner_approved_minor,
            ..nothing
        }));
    } else if sale.is_multiple_of(7) {
        let (conversions, revenue_minor) = (-1, -made.revenue_minor);
        let (commission_minor, partner_minor) = (-made.commission_minor, -made.partner_minor);
        let kind = EventKind::Review;
        changes.push(later(ConversionChange {
            kind,
            conversions,
            revenue_minor,
            commission_minor,
            partner_minor,
            ..made
        }));
    }
    let placed = changes.into_iter().map(|change| {
        let offset = offsets.next().unwrap();
        changed(ConversionChange { position: Position { partition: 0, offset }, ..change })
    });
    placed.collect()
}

async fn filled() -> Database {
    let database = Database::new();
    let facts = Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    let clicks = 600;
    let mut rows: Vec<Fact> = (0..clicks).map(click_fact).collect();
    let mut offsets = clicks..;
    rows.extend((0..60).flat_map(|sale| changes_of(sale, &mut offsets)));
    let to = offsets.next().unwrap();
    facts.insert(block(0, to, rows)).await.unwrap();
    database
}

#[tokio::test]
async fn every_query_of_the_page_gives_rows() {
    let queries = queries();
    assert!(queries.len() >= 20, "{}", queries.len());
    let database = filled().await;
    for (title, query) in queries {
        let answer = asked(&database, query, OF_A_WEEK);
        let answer = answer.unwrap_or_else(|error| panic!("{title}\n{query}\n{error}"));
        assert!(answer.lines().count() > 0, "{title}\n{query}");
        assert!(!answer.contains("nan") && !answer.contains("inf,"), "{title}\n{answer}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_understood_or_asks_for_more_is_caught() {
    let database = filled().await;
    for (query, why) in [
        ("SELECT {partner:UInt64}", "partner"),
        ("SELECT {company:Date}", "company"),
        ("SELECT {from:UInt64}", "from"),
        ("SELECT no_such_column FROM numbers(1)", "no_such_column"),
        ("CREATE TABLE made (a UInt8) ENGINE = Memory", "readonly"),
    ] {
        let said = asked(&database, query, OF_A_WEEK).expect_err(query);
        assert!(said.contains(why), "{query}: {said}");
    }
}

#[tokio::test]
async fn the_pages_ids_are_those_of_the_program() {
    let database = filled().await;
    let queries = queries();
    let company: u64 = database.client().query_raw(queries[0].1).fetch_one().await.unwrap();
    assert_eq!(CompanyId(company).to_string(), "cmp_04hmasw9nf6yy");
    let partners = asked(&database, queries[1].1, OF_A_WEEK).unwrap();
    let id = |row: &str| serde_json::from_str::<(String, serde_json::Value)>(row).unwrap().0.parse().unwrap();
    let partners: Vec<PartnerId> = partners.lines().map(id).collect();
    assert!(partners.len() == 3 && partners.contains(&PartnerId(1)), "{partners:?}");
}

#[tokio::test]
async fn views_say_what_each_conversion_has_come_to() {
    let database = filled().await;
    let rows = "SELECT sum(revenue_minor) FROM conversion_changes";
    assert_eq!(database.number("SELECT sum(revenue_minor) FROM conversions").await, database.number(rows).await);
    assert_eq!(database.number("SELECT count() FROM conversions").await, 60);
    assert_eq!(database.number("SELECT sum(refunded_minor) FROM conversions").await, 12 * 1_000);
    let counted = "SELECT sum(conversions) FROM sales_by_day";
    assert_eq!(database.number("SELECT sum(counts) FROM conversions").await, database.number(counted).await);
    let earned = "SELECT sum(partner_minor) FROM sales_by_day";
    assert_eq!(database.number("SELECT sum(partner_minor) FROM commissions").await, database.number(earned).await);
    let approved = "SELECT sum(approved_minor) FROM sales_by_day";
    assert_eq!(database.number("SELECT sum(approved_minor) FROM commissions").await, database.number(approved).await);
}

#[tokio::test]
async fn the_readers_role_is_what_the_server_understands() {
    let client = Database::new().client().with_database("default");
    let statements: Vec<&str> = ROLE
        .split(";\n")
        .map(|text| text.trim_start_matches(|c: char| c.is_whitespace()))
        .filter(|text| text.lines().any(|line| !line.starts_with("--") && !line.trim().is_empty()))
        .collect();
    assert_eq!(statements.len(), 3);
    for statement in statements {
        let read: String = client.query("SELECT formatQuery(?)").bind(statement).fetch_one().await.unwrap();
        assert!(!read.is_empty());
        assert!(!read.contains("INSERT") && !read.contains("ALL"), "{read}");
    }
}
