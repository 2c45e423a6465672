//! What dashboards must say, worked out from the rows one by one.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    decision::Outcome,
    facts::{ClickFact, ConversionChange, Fact},
    ids::{CompanyId, LinkId, PartnerId},
    money::Currency,
};
use stores::facts::{CompanyDay, Counted, Days, Facts, LinkSales, LinkStats, PartnerCompany, PartnerDay};

/// The rows that there are.
pub(crate) struct Rows<'a>(pub(crate) &'a [Fact]);

impl<'a> Rows<'a> {
    fn clicks(&self) -> impl Iterator<Item = &'a ClickFact> {
        let clicks = self.0.iter().filter_map(|fact| if let Fact::Click(click) = fact { Some(&**click) } else { None });
        clicks.filter(|click| click.outcome == Outcome::Counted)
    }

    fn changes(&self) -> impl Iterator<Item = &'a ConversionChange> {
        self.0.iter().filter_map(|fact| if let Fact::Change(change) = fact { Some(&**change) } else { None })
    }

    fn clicks_in(&self, company: CompanyId, days: Days) -> impl Iterator<Item = &'a ClickFact> {
        self.clicks().filter(move |click| click.company == company && within(days, click.at))
    }

    fn changes_in(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> impl Iterator<Item = &'a ConversionChange> {
        self.changes()
            .filter(move |change| change.company == company && within(days, change.at) && change.currency == currency)
    }
}

fn within(days: Days, at: schemas::time::TimeMs) -> bool {
    (days.from..days.until).contains(&at.day())
}

fn most_first(names: impl Iterator<Item = String>) -> Vec<Counted> {
    let mut counts = BTreeMap::<String, u64>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counted: Vec<Counted> = counts.into_iter().map(|(name, clicks)| Counted { name, clicks }).collect();
    counted.sort_by_key(|row| std::cmp::Reverse(row.clicks));
    counted
}

pub(crate) async fn check_company(facts: &Facts, rows: &Rows<'_>, company: CompanyId, days: Days, currency: Currency) {
    let overview = facts.company_overview(company, days, Some(currency), 1_000).await.unwrap();
    assert_eq!(overview.clicks, rows.clicks_in(company, days).count() as u64);
    let sum = |of: fn(&ConversionChange) -> i64| rows.changes_in(company, days, currency).map(of).sum::<i64>();
    assert_eq!(overview.conversions, sum(|change| change.conversions));
    assert_eq!(overview.revenue_minor, sum(|change| change.revenue_minor));
    // What came to nothing is no currency of the company's.
    let listed = |sum: i64| if overview.conversions != 0 || overview.revenue_minor != 0 { sum } else { 0 };
    assert_eq!(overview.commission_minor, listed(sum(|change| change.commission_minor)));
    assert_eq!(overview.approved_minor, listed(sum(|change| change.approved_minor)));
    for top in &overview.top {
        let own = || rows.changes_in(company, days, currency).filter(|change| change.partner == Some(top.partner));
        let wanted = (
            own().map(|change| change.conversions).sum::<i64>(),
            own().map(|change| change.revenue_minor).sum::<i64>(),
        );
        assert_eq!((top.conversions, top.revenue_minor), wanted);
        assert_eq!(top.earned_minor, own().map(|change| change.partner_minor).sum::<i64>());
    }
    assert!(overview.top.is_sorted_by_key(|top| std::cmp::Reverse(top.revenue_minor)));

    let daily = facts.company_daily(company, days, currency).await.unwrap();
    let wanted: Vec<CompanyDay> = days
        .iter()
        .map(|day| {
            let today = || rows.changes_in(company, days, currency).filter(|change| change.at.day() == day);
            CompanyDay {
                day,
                clicks: rows.clicks_in(company, days).filter(|click| click.at.day() == day).count() as u64,
                conversions: today().map(|change| change.conversions).sum(),
                revenue_minor: today().map(|change| change.revenue_minor).sum(),
            }
        })
        .collect();
    assert_eq!(daily, wanted);

    let mut by_weekday = [0; 7];
    for change in rows.changes_in(company, days, currency) {
        by_weekday[usize::from(change.at.day().weekday()) - 1] += change.revenue_minor;
    }
    assert_eq!(facts.revenue_by_weekday(company, days, currency).await.unwrap(), by_weekday);

    let sources = most_first(rows.clicks_in(company, days).map(|click| click.source().to_owned()));
    assert_eq!(facts.traffic_sources(company, days, 1_000).await.unwrap(), sources);
    let pages = most_first(rows.clicks_in(company, days).map(|click| click.landing.path.to_string()));
    assert_eq!(facts.top_pages(company, days, 1_000).await.unwrap(), pages);
}

pub(crate) async fn check_partner(facts: &Facts, rows: &Rows<'_>, partner: PartnerId, days: Days, currency: Currency) {
    let own = || rows.changes().filter(|change| change.partner == Some(partner) && change.currency == currency);
    let period = || own().filter(|change| within(days, change.at));
    let overview = facts.partner_overview(partner, days, Some(currency)).await.unwrap();
    assert_eq!(
        overview.clicks,
        rows.clicks().filter(|click| click.partner == partner && within(days, click.at)).count() as u64
    );
    assert_eq!(overview.conversions, period().map(|change| change.conversions).sum::<i64>());
    assert_eq!(overview.earned_minor, period().map(|change| change.partner_minor).sum::<i64>());
    let is_listed = overview.conversions != 0 || overview.earned_minor != 0;
    let approved_minor = period().map(|change| change.partner_approved_minor).sum::<i64>();
    assert_eq!(overview.approved_minor, if is_listed { approved_minor } else { 0 });
    assert_eq!(overview.lifetime_earned_minor, own().map(|change| change.partner_minor).sum::<i64>());

    let daily = facts.partner_daily(partner, days, currency).await.unwrap();
    let wanted = days.iter().map(|day| {
        let today = || period().filter(|change| change.at.day() == day);
        let conversions = today().map(|change| change.conversions).sum();
        PartnerDay { day, conversions, earned_minor: today().map(|change| change.partner_minor).sum() }
    });
    assert_eq!(daily, wanted.collect::<Vec<_>>());

    let companies: BTreeSet<CompanyId> = period().map(|change| change.company).collect();
    let mut wanted: Vec<PartnerCompany> = companies
        .into_iter()
        .map(|company| {
            let with = || period().filter(|change| change.company == company);
            let conversions = with().map(|change| change.conversions).sum();
            PartnerCompany { company, conversions, earned_minor: with().map(|change| change.partner_minor).sum() }
        })
        .filter(|row| row.conversions != 0 || row.earned_minor != 0)
        .collect();
    wanted.sort_by_key(|row| (std::cmp::Reverse(row.earned_minor), std::cmp::Reverse(row.conversions), row.company));
    assert_eq!(facts.partner_by_company(partner, days, currency, 1_000).await.unwrap(), wanted);
}

pub(crate) async fn check_link(facts: &Facts, rows: &Rows<'_>, link: LinkId) {
    let own = |currency| rows.changes().filter(move |change| change.link == Some(link) && change.currency == currency);
    let currencies: BTreeSet<Currency> = rows.changes().map(|change| change.currency).collect();
    let mut sales: Vec<LinkSales> = currencies
        .into_iter()
        .map(|currency| LinkSales {
            currency,
            conversions: own(currency).map(|change| change.conversions).sum(),
            earned_minor: own(currency).map(|change| change.partner_minor).sum(),
        })
        .filter(|sales| sales.conversions != 0 || sales.earned_minor != 0)
        .collect();
    sales.sort_by_key(|sales| {
        (std::cmp::Reverse(sales.conversions), std::cmp::Reverse(sales.earned_minor), sales.currency)
    });
    let clicks = rows.clicks().filter(|click| click.link == link).count() as u64;
    assert_eq!(facts.link_stats(vec![link]).await.unwrap(), [LinkStats { link, clicks, sales }]);
}
