use schemas::{
    facts::{ClickFact, ConversionChange},
    ids::{CompanyId, LinkId, PartnerId},
    money::Currency,
    time::{DAY_MS, Day},
    web::Utm,
};
use stores::facts::{CompanyOverview, Counted, Days, LinkSales, LinkStats, PartnerCompany};

use crate::place::{NOON, Place, block, changed, click, clicked, sold};

const PERIOD: Days = Days { from: Day(20_771), until: Day(20_778) };

#[test]
fn a_period_ends_with_today() {
    let days = Days::last(7, NOON);
    assert_eq!((days.until, days.iter().count()), (Day(NOON.day().0 + 1), 7));
    assert_eq!(Days::last(1, NOON).from, NOON.day());
}

#[tokio::test]
async fn a_company_sees_one_currency_and_hears_of_the_others() {
    for place in Place::all() {
        let facts = place.open().await;
        let yen = Currency::parse("JPY").unwrap();
        let rows = vec![
            changed(sold(0, NOON, Currency::USD, 1_000)),
            changed(sold(1, NOON, Currency::USD, 2_000)),
            changed(sold(2, NOON, yen, 1_000_000)),
        ];
        facts.insert(block(0, 3, rows)).await.unwrap();
        let days = Days::last(30, NOON);
        let default = facts.company_overview(CompanyId(1), days, None, 5).await.unwrap();
        let without = facts.company_overview(CompanyId(1), days, None, 0).await.unwrap();
        assert!(!default.top.is_empty());
        assert_eq!(without, CompanyOverview { top: Vec::new(), ..default.clone() });
        assert_eq!(
            (default.currencies.shown, default.currencies.others),
            (Some(Currency::USD), vec![yen]),
            "sold in most often"
        );
        assert_eq!(
            (default.conversions, default.all_conversions, default.revenue_minor, default.approved_minor),
            (2, 3, 3_000, 300)
        );
        let asked = facts.company_overview(CompanyId(1), days, Some(yen), 5).await.unwrap();
        assert_eq!(
            (asked.currencies.others, asked.conversions, asked.revenue_minor),
            (vec![Currency::USD], 1, 1_000_000)
        );
        let unsold = facts.company_overview(CompanyId(1), days, Some(Currency::GBP), 5).await.unwrap();
        assert_eq!(
            (unsold.currencies.shown, unsold.currencies.others),
            (Some(Currency::GBP), vec![Currency::USD, yen])
        );
        assert_eq!((unsold.conversions, unsold.top), (0, Vec::new()));
        let nobodys = facts.company_overview(CompanyId(2), days, None, 5).await.unwrap();
        assert_eq!((nobodys.currencies.shown, nobodys.clicks), (None, 0));
    }
}

#[tokio::test]
async fn refunds_and_rejections_stand_on_their_sales_days() {
    for place in Place::all() {
        let facts = place.open().await;
        let earlier = NOON.plus_ms(-3 * DAY_MS);
        let sale = sold(0, earlier, Currency::USD, 10_000);
        let refund = ConversionChange { conversions: 0, ..less(&sold(1, earlier, Currency::USD, 4_000)) };
        let rejected = sold(2, NOON, Currency::USD, 5_000);
        let rejection = ConversionChange { position: sold(3, NOON, Currency::USD, 0).position, ..less(&rejected) };
        facts.insert(block(0, 4, [sale, refund, rejected, rejection].map(changed).into())).await.unwrap();
        let daily = facts.company_daily(CompanyId(1), PERIOD, Currency::USD).await.unwrap();
        let listed: Vec<_> = daily.iter().map(|day| (day.conversions, day.revenue_minor)).collect();
        assert_eq!(listed, [(0, 0), (0, 0), (0, 0), (1, 6_000), (0, 0), (0, 0), (0, 0)]);
        assert_eq!(daily.iter().map(|day| day.day).collect::<Vec<_>>(), PERIOD.iter().collect::<Vec<_>>());
        let weekdays = facts.revenue_by_weekday(CompanyId(1), PERIOD, Currency::USD).await.unwrap();
        assert_eq!(weekdays, [0, 6_000, 0, 0, 0, 0, 0], "2026-11-17 is a Tuesday");
        let earned = facts.partner_daily(PartnerId(1), PERIOD, Currency::USD).await.unwrap();
        assert_eq!(earned.iter().map(|day| day.earned_minor).collect::<Vec<_>>(), [0, 0, 0, 480, 0, 0, 0]);
    }
}

fn less(change: &ConversionChange) -> ConversionChange {
    ConversionChange {
        conversions: -change.conversions,
        revenue_minor: -change.revenue_minor,
        commission_minor: -change.commission_minor,
        approved_minor: -change.approved_minor,
        partner_minor: -change.partner_minor,
        partner_approved_minor: -change.partner_approved_minor,
        ..change.clone()
    }
}

#[tokio::test]
async fn a_partner_sees_all_its_companies_and_its_life() {
    for place in Place::all() {
        let facts = place.open().await;
        let of = |company, change| ConversionChange { company: CompanyId(company), ..change };
        let pending =
            ConversionChange { approved_minor: 0, partner_approved_minor: 0, ..sold(2, NOON, Currency::USD, 3_000) };
        let rows = vec![
            changed(of(1, sold(0, NOON.plus_ms(-100 * DAY_MS), Currency::GBP, 50_000))),
            changed(of(1, sold(1, NOON, Currency::USD, 1_000))),
            changed(of(2, pending)),
            clicked(click(3, NOON)),
        ];
        facts.insert(block(0, 4, rows)).await.unwrap();
        let period = facts.partner_overview(PartnerId(1), Days::last(30, NOON), None).await.unwrap();
        assert_eq!((period.currencies.shown, period.currencies.others), (Some(Currency::USD), vec![]));
        assert_eq!((period.clicks, period.conversions, period.earned_minor, period.approved_minor), (1, 2, 320, 80));
        assert_eq!(period.lifetime_earned_minor, 320, "of the same currency");
        let quiet = facts.partner_overview(PartnerId(1), Days { from: Day(1), until: Day(2) }, None).await.unwrap();
        assert_eq!(
            (quiet.currencies.shown, quiet.earned_minor, quiet.lifetime_earned_minor),
            (Some(Currency::USD), 0, 320)
        );
        let by_company = facts.partner_by_company(PartnerId(1), Days::last(30, NOON), Currency::USD, 10).await.unwrap();
        let row = |company, earned_minor| PartnerCompany { company: CompanyId(company), conversions: 1, earned_minor };
        assert_eq!(by_company, [row(2, 240), row(1, 80)]);
        assert_eq!(
            facts.partner_by_company(PartnerId(1), Days::last(30, NOON), Currency::USD, 1).await.unwrap().len(),
            1
        );
        let stats = facts.link_stats(vec![LinkId(9), LinkId(1)]).await.unwrap();
        let sales = |currency, conversions, earned_minor| LinkSales { currency, conversions, earned_minor };
        let of_one = vec![sales(Currency::USD, 2, 320), sales(Currency::GBP, 1, 4_000)];
        let wanted = [
            LinkStats { link: LinkId(9), clicks: 0, sales: vec![] },
            LinkStats { link: LinkId(1), clicks: 1, sales: of_one },
        ];
        assert_eq!(stats, wanted);
    }
}

#[tokio::test]
async fn sources_and_pages_come_most_clicks_first() {
    for place in Place::all() {
        let facts = place.open().await;
        let from = |offset, source: Option<&str>, host: Option<&str>, path: &str| {
            let mut click = ClickFact { referrer_host: host.map(Into::into), ..click(offset, NOON) };
            click.utm = Utm { source: source.map(Into::into), ..Utm::default() };
            click.landing.path = path.into();
            clicked(click)
        };
        let rows = vec![
            from(0, None, None, "/a"),
            from(1, Some("news"), Some("x.example"), "/b"),
            from(2, Some("news"), None, "/b"),
            from(3, None, Some("x.example"), "/c"),
        ];
        facts.insert(block(0, 4, rows)).await.unwrap();
        let counted = |name: &str, clicks| Counted { name: name.to_owned(), clicks };
        let days = Days::last(1, NOON);
        let sources = facts.traffic_sources(CompanyId(1), days, 10).await.unwrap();
        assert_eq!(sources, [counted("news", 2), counted("direct", 1), counted("x.example", 1)]);
        assert_eq!(facts.top_pages(CompanyId(1), days, 2).await.unwrap(), [counted("/b", 2), counted("/a", 1)]);
        assert_eq!(facts.top_pages(CompanyId(1), Days { from: Day(1), until: NOON.day() }, 2).await.unwrap(), []);
    }
}
