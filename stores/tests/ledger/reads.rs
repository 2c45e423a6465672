//! What people ask of the ledger.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};
use rules::Effect;
use schemas::{
    conversion::{Conversion, HouseStatus, Maturity, RefundApplied, ReviewState, Settlement, Standing, Unattributed},
    decision::{EventKind, Outcome, Refusal},
    hashes::KeyKind,
    ids::{CompanyId, ConversionId, EventId, PartnerId},
    money::Currency,
    time::{Day, TimeMs},
};
use stores::ledger::{ListedStatus, OutcomeCount, PageOf, PartnerTotals, StatusCounts};

use crate::{
    Owned,
    samples::{COMPANY, DAY, PARTNER, conversion, count, put},
    variants,
};

#[tokio::test(flavor = "multi_thread")]
async fn conversions_come_back_as_they_were_put() {
    let standings = [
        Standing::Attributed,
        Standing::Unattributed(Unattributed::NoLead),
        Standing::Refused(Refusal::ReceiptForeign),
        Standing::Parked,
    ];
    let plain = Conversion {
        program: None,
        partner: None,
        link: None,
        signals: Vec::new(),
        kind: KeyKind::Lead,
        maturity: Maturity::HeldUntil(TimeMs(5)),
        settlement: Settlement::Reversed,
        review: ReviewState::Rejected,
        ..conversion(90)
    };
    let all: Vec<_> =
        (1..).zip(standings).map(|(n, standing)| Conversion { standing, ..conversion(n) }).chain([plain]).collect();
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        owned.commit(all.iter().cloned().map(put).collect()).await;
        owned.reopen().await;
        for conversion in &all {
            assert_eq!(owned.ledger.conversion(conversion.id).await.unwrap().as_ref(), Some(conversion));
        }
        assert_eq!(owned.ledger.conversion(ConversionId(1_000)).await.unwrap(), None);
        owned.close().await;
    }
}

fn statuses() -> impl Strategy<Value = (Standing, ReviewState, Settlement)> {
    let standings = vec![
        Standing::Attributed,
        Standing::Attributed,
        Standing::Attributed,
        Standing::Unattributed(Unattributed::NoEvidence),
        Standing::Refused(Refusal::KeyRevoked),
        Standing::Parked,
    ];
    (select(standings), select(ReviewState::ALL.to_vec()), select(Settlement::ALL.to_vec()))
}

fn conversions() -> impl Strategy<Value = Conversion> {
    let kind = select(vec![KeyKind::Sale, KeyKind::Sale, KeyKind::Lead]);
    let partner = select(vec![None, Some(PARTNER), Some(PartnerId(6))]);
    let currency = select(vec![Currency::USD, Currency::GBP]);
    let company = select(vec![COMPANY, CompanyId(2)]);
    (0_u128..25, statuses(), kind, partner, currency, company, 0_i64..1_000, 0_i64..9).prop_map(
        |(n, (standing, review, settlement), kind, partner, currency, company, minor, taken)| Conversion {
            standing,
            review,
            settlement,
            kind,
            partner,
            currency,
            company,
            commission_minor: minor + minor / 4,
            partner_minor: minor,
            taken_at: TimeMs(taken),
            ..conversion(n)
        },
    )
}

/// The same from all conversions as they stand.
fn recount(conversions: &[Conversion]) -> (StatusCounts, Vec<PartnerTotals>) {
    let (mut counts, mut totals) = (StatusCounts::default(), BTreeMap::new());
    for c in conversions.iter().filter(|c| c.company == COMPANY) {
        if c.kind == KeyKind::Sale {
            *match c.house_status() {
                None => &mut counts.processing,
                Some(HouseStatus::Pending) => &mut counts.pending,
                Some(HouseStatus::Approved) => &mut counts.approved,
                Some(HouseStatus::Rejected) => &mut counts.rejected,
            } += 1;
        }
        let (Some(partner), Standing::Attributed) = (c.partner, c.standing) else {
            continue;
        };
        if c.review == ReviewState::Rejected {
            continue;
        }
        let (company, currency) = (c.company, c.currency);
        let total = totals.entry((partner, currency)).or_insert(PartnerTotals {
            partner,
            company,
            currency,
            conversions: 0,
            commission_minor: 0,
            approved_commission_minor: 0,
            partner_minor: 0,
            partner_approved_minor: 0,
            partner_unpaid_minor: 0,
        });
        total.conversions += 1;
        total.commission_minor += c.commission_minor;
        total.partner_minor += c.partner_minor;
        if c.review.is_approved() {
            total.approved_commission_minor += c.commission_minor;
            total.partner_approved_minor += c.partner_minor;
        }
        if c.review.is_approved() && c.settlement == Settlement::Unpaid {
            total.partner_unpaid_minor += c.partner_minor;
        }
    }
    (counts, totals.into_values().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Conversions put again and again: pages, counts and totals are those of the last of each.
    #[test]
    fn lists_counts_and_totals_are_those_of_the_last_put(puts in vec(conversions(), 0..60), batch in 1_usize..30, per_page in 1_u32..7) {
        let last: BTreeMap<_, _> = puts.iter().map(|conversion| (conversion.id, conversion.clone())).collect();
        let last: Vec<_> = last.into_values().collect();
        let (counts, totals) = recount(&last);
        for variant in variants() {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let mut owned = Owned::new(variant).await;
                for puts in puts.chunks(batch) {
                    owned.commit(puts.iter().cloned().map(put).collect()).await;
                }
                let mut stored = owned.ledger.totals_of_company(COMPANY).await.unwrap();
                stored.retain(|total| total.conversions != 0);
                assert_eq!(stored, totals);
                let of_partner = owned.ledger.partner_totals(PARTNER).await.unwrap();
                let own = of_partner.into_iter().filter(|total| total.company == COMPANY && total.conversions != 0);
                assert_eq!(own.collect::<Vec<_>>(), totals.iter().filter(|total| total.partner == PARTNER).copied().collect::<Vec<_>>());
                for status in [ListedStatus::Any].into_iter().chain(HouseStatus::ALL.map(ListedStatus::Only)) {
                    check_pages(&owned, &last, status, per_page, counts).await;
                }
                owned.close().await;
            });
        }
    }
}

/// Page after page, what is listed is every decided sale of that status, the last taken first.
async fn check_pages(owned: &Owned, last: &[Conversion], status: ListedStatus, per_page: u32, counts: StatusCounts) {
    let fits = |c: &&Conversion| {
        let house = c.house_status();
        let listed = match status {
            ListedStatus::Any => house.is_some(),
            ListedStatus::Only(only) => house == Some(only),
        };
        listed && c.company == COMPANY && c.kind == KeyKind::Sale
    };
    let mut wanted: Vec<_> = last.iter().filter(fits).collect();
    wanted.sort_by_key(|c| std::cmp::Reverse((c.taken_at, c.id)));
    let mut listed = Vec::new();
    for page in 1.. {
        let found =
            owned.ledger.conversions_page(COMPANY, KeyKind::Sale, status, PageOf { page, per_page }).await.unwrap();
        assert_eq!((found.total, found.counts), (wanted.len() as u64, counts));
        assert!(found.conversions.len() <= per_page as usize);
        if found.conversions.is_empty() {
            break;
        }
        listed.extend(found.conversions);
    }
    assert_eq!(listed.iter().collect::<Vec<_>>(), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_of_a_conversion_are_listed_oldest_first() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let refund = |n: u128, of: u128, reason: Option<&str>| RefundApplied {
            company: COMPANY,
            conversion: ConversionId(of),
            id: ConversionId(1_000 - n),
            event: EventId(n),
            label: format!("refund {n}"),
            amount_minor: 3_333,
            refunded_minor: 3_333 * n as i64,
            commission_minor: 667,
            partner_minor: 534,
            reason: reason.map(str::to_owned),
            at: TimeMs(77),
        };
        let (one, two, other) = (refund(1, 1, None), refund(2, 1, Some("too small")), refund(3, 2, None));
        owned.commit([&one, &two, &other].map(|refund| Effect::PutRefund(refund.clone())).into()).await;
        assert_eq!(owned.ledger.refunds(ConversionId(1)).await.unwrap(), [one, two]);
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_counted_by_day_and_move() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let click = |day, by| Effect::Count {
            company: COMPANY,
            kind: EventKind::Click,
            outcome: Outcome::Counted,
            day: Day(day),
            by,
        };
        owned
            .commit(vec![
                count(Outcome::Parked, 1),
                count(Outcome::Parked, 1),
                click(20_000, 700),
                click(20_001, 3),
                click(19_999, 1),
            ])
            .await;
        owned.commit(vec![count(Outcome::Parked, -1), count(Outcome::Attributed, 1)]).await;
        let found = owned.ledger.outcomes(COMPANY, DAY, Day(20_001)).await.unwrap();
        let row = |day, kind, outcome, n| OutcomeCount { day: Day(day), kind, outcome, n };
        let wanted = [
            row(20_000, EventKind::Click, Outcome::Counted, 700),
            row(20_000, EventKind::Sale, Outcome::Attributed, 1),
            row(20_000, EventKind::Sale, Outcome::Parked, 1),
            row(20_001, EventKind::Click, Outcome::Counted, 3),
        ];
        assert_eq!(found, wanted);
        assert!(owned.ledger.outcomes(CompanyId(1), DAY, DAY).await.unwrap().is_empty());
        owned.close().await;
    }
}
