//! Books as rows, spelled for each store.

use std::fmt::Display;

use super::books::{AT_MS, Books, Change, Click, Kept, LINK, PARTNER};
use crate::audit::counts::code;

/// How a store writes what is no number.
pub(super) struct Spelling<'a> {
    /// An id of 128 bits, from its hexadecimal digits.
    pub(super) wide: &'a dyn Fn(String) -> String,
    pub(super) bytes: &'a dyn Fn(String) -> String,
    /// Servers keep counts by partition, and more columns of facts.
    pub(super) is_server: bool,
    pub(super) day: u32,
}

impl Spelling<'_> {
    pub(super) fn ledger(&self, books: &Books) -> Vec<String> {
        let (next, marked) = (books.next, if self.is_server { "true" } else { "1" });
        let progress = self.table("progress");
        let mut all = vec![
            format!("DELETE FROM {progress};\n"),
            self.insert(
                "progress",
                "partition, next, planned, appended_at_ms",
                &[&0, &next, &(next - books.unplanned), &AT_MS],
            ),
            self.insert("plans", "partition, from_offset, to_offset, marked", &[&0, &(next - 5), &next, &marked]),
        ];
        for nth in 0..u64::from(books.quarantined) {
            let record = (self.bytes)("00".to_owned());
            let columns = "partition, \"offset\", reason, record";
            all.push(self.insert("quarantine", columns, &[&0, &(next + nth), &"'no event'", &record]));
        }
        all.extend(books.orders.iter().map(|order| self.order(order)));
        self.money(books, &mut all);
        all.extend(books.changes.iter().map(|change| self.change("changes", change)));
        self.counts(books, &mut all);
        all
    }

    pub(super) fn facts(&self, books: &Books) -> Vec<String> {
        let clicks = books.clicks.iter().map(|click| self.click(click)).collect();
        let changes = books.shown.iter().map(|change| self.change("conversion_changes", change)).collect();
        [clicks, changes].into_iter().filter_map(at_once).collect()
    }

    /// Sums that a server makes itself.
    pub(super) fn sums(&self, books: &Books) -> Vec<String> {
        let of = |outcome: u8| books.clicks.iter().filter(|click| click.outcome == outcome).count();
        let (counted, bots) = (of(code::COUNTED), of(code::BOT));
        let sum = |at: usize| books.shown.iter().map(|change| change.by[at]).sum::<i64>();
        let (orders, revenue, commission, partner) = (sum(0), sum(1), sum(2), sum(3));
        let day = self.day;
        let mut all = vec![
            format!("INSERT INTO clicks_by_day VALUES (7, {day}, {PARTNER}, {LINK}, {counted}, {bots});\n"),
            format!("INSERT INTO sources_by_day VALUES (7, {day}, 'direct', {counted});\n"),
            format!("INSERT INTO pages_by_day VALUES (7, {day}, '/', {counted});\n"),
            format!(
                "INSERT INTO sales_by_day VALUES (7, {day}, {PARTNER}, {LINK}, 'USD', 1, {orders}, {revenue}, {commission},
                 {commission}, {partner}, {partner});\n"
            ),
        ];
        all.extend(self.sums_off(books));
        all
    }

    /// What is in sums and should not be.
    pub(super) fn sums_off(&self, books: &Books) -> Vec<String> {
        let [clicks, commission] = books.sums_off;
        let mut all = Vec::new();
        if clicks != 0 {
            all.push(format!("INSERT INTO clicks_by_day (company, day, partner, link, clicks, bots) VALUES (7, 1, 1, 1, {clicks}, 0);\n"));
        }
        if commission != 0 {
            let weekday = if self.is_server { ("", "") } else { (", weekday", ", 1") };
            all.push(format!(
                "INSERT INTO sales_by_day (company, day, partner, link, currency, conversions, revenue_minor, commission_minor,
                 approved_minor, partner_minor, partner_approved_minor{}) VALUES (7, 1, 1, 1, 'USD', 0, 0, {commission}, 0, 0, 0{});\n",
                weekday.0, weekday.1
            ));
        }
        all
    }

    fn click(&self, click: &Click) -> String {
        let Click { company, offset, event, outcome, signature } = click;
        let (event, receipt) = (self.wide(*event), (self.bytes)(format!("{}{signature:016x}", "41".repeat(40))));
        let columns = "company, at, day, partition, log_offset, event, program, partner, link, outcome, receipt, landing_host, \
                       landing_path, source, device";
        let company: &dyn Display = if self.is_server { company } else { &company.cast_signed() };
        let at: &dyn Display = &self.at();
        let day = if self.is_server { format!("toDate({})", self.day) } else { self.day.to_string() };
        let values: [&dyn Display; 15] = [
            company,
            at,
            &day,
            &0,
            offset,
            &event,
            &1,
            &PARTNER,
            &LINK,
            outcome,
            &receipt,
            &"'shop'",
            &"'/'",
            &"'direct'",
            &"'desktop'",
        ];
        let (more, zeros) =
            if self.is_server { ("", &[][..]) } else { (", hour, weekday", &[&1 as &dyn Display, &1][..]) };
        insert("clicks", &format!("{columns}{more}"), &[&values[..], zeros].concat())
    }

    fn change(&self, table: &str, change: &Change) -> String {
        let Change { offset, order, kind, by: [orders, revenue, commission, partner] } = change;
        let (order, event) = (self.wide(*order), self.wide(u128::from(*offset)));
        const SUMS: &str =
            "conversions, revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor";
        let of_ledger = table == "changes";
        let (place, times) =
            if of_ledger { ("\"offset\", seq", "at_ms, changed_at_ms") } else { ("log_offset", "at, changed_at") };
        let mut columns = format!(
            "partition, {place}, event, kind, conversion, company, program, partner, link, currency, {times}, {SUMS}"
        );
        let at = if of_ledger { AT_MS.to_string() } else { self.at() };
        let mut values: Vec<&dyn Display> = vec![&0, offset];
        values.extend(of_ledger.then_some(&0 as &dyn Display));
        values.extend::<[&dyn Display; 10]>([&event, kind, &order, &7, &1, &PARTNER, &LINK, &"'USD'", &at, &at]);
        values.extend::<[&dyn Display; 6]>([orders, revenue, commission, commission, partner, partner]);
        if !of_ledger && !self.is_server {
            columns.push_str(", day, hour, weekday");
            values.extend::<[&dyn Display; 3]>([&self.day, &1, &1]);
        }
        if of_ledger { self.insert(table, &columns, &values) } else { insert(table, &columns, &values) }
    }

    fn order(&self, order: &Kept) -> String {
        let Kept { id, offset, amount_minor, refunded_minor, attributed, earned: [commission, partner_part, platform] } =
            order;
        let (id, event, hash) = (self.wide(*id), self.wide(u128::from(*offset)), self.wide(0));
        let hash = if self.is_server { hash } else { (self.bytes)("00".to_owned()) };
        let columns = "id, company, kind, event, partition, \"offset\", program, partner, link, label, amount_minor, currency, \
                       refunded_minor, occurred_at_ms, taken_at_ms, standing, commission_minor, partner_minor, platform_minor, review, \
                       settlement, score_ppm, signals, terms_version, body_hash, explanation, house_status";
        let (standing, review, status) = if *attributed { (1, 1, 2) } else { (2, 4, 3) };
        let partner = if *attributed { PARTNER.to_string() } else { "NULL".to_owned() };
        let label = format!("'order-{offset}'");
        let values: [&dyn Display; 27] = [
            &id,
            &7,
            &1,
            &event,
            &0,
            offset,
            &1,
            &partner,
            &LINK,
            &label,
            amount_minor,
            &"'USD'",
            refunded_minor,
            &AT_MS,
            &AT_MS,
            &standing,
            commission,
            partner_part,
            platform,
            &review,
            &1,
            &0,
            &"''",
            &1,
            &hash,
            &"''",
            &status,
        ];
        self.insert("conversions", columns, &values)
    }

    fn money(&self, books: &Books, all: &mut Vec<String>) {
        for transfer in &books.transfers {
            let (order, id, event) = (self.wide(transfer.order), self.wide(transfer.id), self.wide(1));
            let columns = "conversion, id, debit_kind, debit_company, debit_partner, credit_kind, credit_company, credit_partner, \
                           amount_minor, currency, reason, event, at_ms";
            let number = format!("coalesce((SELECT number FROM conversions WHERE id = {order}), 0)");
            let ((debit, from), (credit, to)) = (transfer.debit, transfer.credit);
            let amount = transfer.amount_minor;
            let mut values: Vec<&dyn Display> =
                vec![&order, &id, &debit, &7, &from, &credit, &7, &to, &amount, &"'USD'", &1, &event, &AT_MS];
            let mut columns = columns.to_owned();
            if !self.is_server {
                values.push(&number);
                columns.push_str(", number");
            }
            all.push(self.insert("transfers", &columns, &values));
        }
        for (company, kind, partner, amount) in &books.balances {
            let columns = "company, kind, partner, currency, partition, amount_minor";
            all.push(self.insert("balances", columns, &[company, kind, partner, &"'USD'", &0, amount]));
        }
        for (nth, (order, name)) in (900..).zip(&books.refunds) {
            let (order, id, event, name) = (self.wide(*order), self.wide(nth), self.wide(1), format!("'{name}'"));
            let columns = "conversion, id, company, event, label, amount_minor, refunded_minor, commission_minor, partner_minor, at_ms";
            all.push(self.insert(
                "refunds",
                columns,
                &[&order, &id, &7, &event, &name, &5_000, &5_000, &500, &400, &AT_MS],
            ));
        }
    }

    fn counts(&self, books: &Books, all: &mut Vec<String>) {
        let day = self.day;
        for (company, kind, outcome, n) in &books.outcomes {
            let columns = "company, day, kind, outcome, n";
            all.push(self.counted("outcomes", columns, &[&company.cast_signed(), &day, kind, outcome, n]));
        }
        for (status, n) in &books.status_counts {
            all.push(self.counted("status_counts", "company, kind, house_status, n", &[&7, &1, status, n]));
        }
        let [orders, commission, partner] = books.partner_total;
        if books.partner_total != [0; 3] {
            let columns = "partner, company, currency, conversions, commission_minor, approved_commission_minor, partner_minor, \
                           partner_approved_minor, partner_unpaid_minor";
            let values: [&dyn Display; 9] =
                [&PARTNER, &7, &"'USD'", &orders, &commission, &commission, &partner, &partner, &partner];
            all.push(self.counted("partner_totals", columns, &values));
        }
    }

    /// A row of counts: servers have one a partition.
    fn counted(&self, table: &str, columns: &str, values: &[&dyn Display]) -> String {
        if !self.is_server {
            return self.insert(table, columns, values);
        }
        self.insert(table, &format!("{columns}, partition"), &[values, &[&0 as &dyn Display]].concat())
    }

    fn insert(&self, table: &str, columns: &str, values: &[&dyn Display]) -> String {
        insert(&self.table(table), columns, values)
    }

    fn table(&self, table: &str) -> String {
        if self.is_server { format!("ledger.{table}") } else { table.to_owned() }
    }

    fn wide(&self, id: u128) -> String {
        (self.wide)(format!("{id:032x}"))
    }

    fn at(&self) -> String {
        if self.is_server { format!("fromUnixTimestamp64Milli({AT_MS})") } else { AT_MS.to_string() }
    }
}

fn insert(table: &str, columns: &str, values: &[&dyn Display]) -> String {
    let values: Vec<String> = values.iter().map(|value| value.to_string()).collect();
    format!("INSERT INTO {table} ({columns}) VALUES ({});\n", values.join(", "))
}

/// A server makes a part of each insert: those of one table are one.
fn at_once(inserts: Vec<String>) -> Option<String> {
    let mut inserts = inserts.into_iter();
    let mut all = inserts.next()?.trim_end_matches(";\n").to_owned();
    for insert in inserts {
        let (_, values) = insert.split_once(" VALUES ")?;
        all.push_str(", ");
        all.push_str(values.trim_end_matches(";\n"));
    }
    Some(all + ";\n")
}
