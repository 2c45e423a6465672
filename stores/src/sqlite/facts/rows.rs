use rusqlite::{Statement, Transaction, params};
use schemas::{
    facts::{ClickFact, ConversionChange},
    time::{HOUR_MS, TimeMs},
};

use crate::sqlite::row::{int, wide};

const INSERT_CLICK: &str = "INSERT INTO clicks (company, at, partition, log_offset, event, program, partner, link, outcome, receipt, \
                            landing_host, landing_path, referrer_host, utm_source, utm_medium, utm_campaign, source, device, \
                            day, hour, weekday) \
                            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";

/// In the order of their table, so that they go in side by side.
pub(super) fn insert_clicks<'a>(
    transaction: &Transaction<'_>,
    clicks: impl Iterator<Item = &'a ClickFact>,
) -> rusqlite::Result<()> {
    let mut clicks: Vec<&ClickFact> = clicks.collect();
    clicks.sort_unstable_by_key(|click| (int(click.company.0), click.at, click.position));
    let mut insert = transaction.prepare_cached(INSERT_CLICK)?;
    clicks.into_iter().try_for_each(|click| insert_click(&mut insert, click))
}

fn insert_click(insert: &mut Statement<'_>, click: &ClickFact) -> rusqlite::Result<()> {
    let day = click.at.day();
    let values = params![
        int(click.company.0),
        click.at.0,
        click.position.partition,
        int(click.position.offset),
        wide(click.event.0),
        int(click.program.0),
        int(click.partner.0),
        int(click.link.0),
        click.outcome as u8,
        click.receipt.as_bytes(),
        click.landing.host,
        click.landing.path,
        click.referrer_host,
        click.utm.source,
        click.utm.medium,
        click.utm.campaign,
        click.source(),
        click.device.as_str(),
        day.0,
        hour(click.at),
        day.weekday(),
    ];
    insert.execute(values).map(drop)
}

const INSERT_CHANGE: &str = "INSERT INTO conversion_changes (company, at, partition, log_offset, conversion, event, kind, program, partner, \
                             link, currency, changed_at, conversions, revenue_minor, commission_minor, approved_minor, partner_minor, \
                             partner_approved_minor, day, hour, weekday) \
                             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";

pub(super) fn insert_change(transaction: &Transaction<'_>, change: &ConversionChange) -> rusqlite::Result<()> {
    let day = change.at.day();
    let values = params![
        int(change.company.0),
        change.at.0,
        change.position.partition,
        int(change.position.offset),
        wide(change.conversion.0),
        wide(change.event.0),
        change.kind as u8,
        change.program.map(|id| int(id.0)),
        change.partner.map(|id| int(id.0)),
        change.link.map(|id| int(id.0)),
        change.currency.code(),
        change.changed_at.0,
        change.conversions,
        change.revenue_minor,
        change.commission_minor,
        change.approved_minor,
        change.partner_minor,
        change.partner_approved_minor,
        day.0,
        hour(change.at),
        day.weekday(),
    ];
    transaction.prepare_cached(INSERT_CHANGE)?.execute(values).map(drop)
}

fn hour(at: TimeMs) -> i64 {
    at.since_ms(at.day().start()) / HOUR_MS
}
