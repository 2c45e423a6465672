//! What a batch needs comes back as earlier batches left it.

use std::collections::BTreeSet;

use rules::{
    Effect, Known,
    known::{Bound, ClickName, Ident, IdentRecord, LinkSales, RECENT_VALUES},
};
use schemas::{
    hashes::{CustomerHash, EmailHash},
    ids::{CompanyId, ConversionId, LinkId, PartnerId},
    money::Currency,
    time::{DAY_MS, HOUR_MS, TimeMs},
};
use stores::ledger::LedgerNeeds;

use crate::{
    Owned,
    samples::{COMPANY, conversion, put},
    variants,
};

const LINK: LinkId = LinkId(u64::MAX);

#[tokio::test(flavor = "multi_thread")]
async fn customers_and_clicks_come_back_whole() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let (customer, email) = (Ident::Customer(CustomerHash(1)), Ident::Email(EmailHash(1)));
        let bound = Bound { partner: PartnerId(2), link: LINK, at: TimeMs(3) };
        let whole = IdentRecord { bound: Some(bound), customer: Some(CustomerHash(4)), email: Some(EmailHash(5)) };
        let click = ClickName { link: LINK, event_id_hash: u64::MAX - 1 };
        owned
            .commit(vec![
                Effect::PutIdent { company: COMPANY, ident: customer, record: IdentRecord::default() },
                Effect::PutIdent { company: COMPANY, ident: customer, record: whole },
                Effect::PutIdent { company: COMPANY, ident: email, record: IdentRecord::default() },
                Effect::UseClick { click, customer: 8 },
                Effect::UseClick { click, customer: 9 },
                Effect::UseClick { click, customer: 8 },
                put(conversion(1)),
            ])
            .await;
        owned.reopen().await;
        let unknown = (CompanyId(1), customer);
        let needs = LedgerNeeds {
            conversions: [1, 2].map(ConversionId).into(),
            idents: [(COMPANY, customer), (COMPANY, email), unknown].into(),
            click_customers: [click, ClickName { link: LINK, event_id_hash: 0 }].into(),
            ..LedgerNeeds::default()
        };
        let fetched = owned.ledger.fetch(needs).await.unwrap();
        assert_eq!(fetched.conversions, [(ConversionId(1), conversion(1))].into());
        assert_eq!(fetched.idents, [((COMPANY, customer), whole), ((COMPANY, email), IdentRecord::default())].into());
        assert_eq!(fetched.click_customers, [(click, BTreeSet::from([8, 9]))].into());
        owned.close().await;
    }
}

/// However the sales are split into batches, what is fetched is what a memory that took all of them in holds.
#[tokio::test(flavor = "multi_thread")]
async fn sales_of_links_and_companies_add_up() {
    let sales: Vec<Effect> = (0..RECENT_VALUES as i64 + 40)
        .flat_map(|n| {
            let hours = n * 7 % 11 * 20;
            let sold = Effect::CountSale { link: LINK, at: TimeMs(100 * DAY_MS + hours * HOUR_MS) };
            [sold, Effect::NoteValue { company: COMPANY, currency: Currency::USD, amount_minor: n - 5 }]
        })
        .collect();
    let mut memory = Known::default();
    memory.apply(&sales);
    for variant in variants() {
        for batch in [1, 3, 50, sales.len()] {
            let mut owned = Owned::new(variant).await;
            for effects in sales.chunks(batch) {
                owned.commit(effects.to_vec()).await;
            }
            owned.reopen().await;
            let values = (COMPANY, Currency::USD);
            let needs = LedgerNeeds {
                link_sales: [(LINK, TimeMs(0)), (LinkId(1), TimeMs(0))].into(),
                recent_values: [values, (COMPANY, Currency::GBP)].into(),
                ..LedgerNeeds::default()
            };
            let fetched = owned.ledger.fetch(needs).await.unwrap();
            assert_eq!(fetched.link_sales, memory.link_sales, "batches of {batch}");
            assert_eq!(fetched.recent_values, memory.recent_values, "batches of {batch}");

            let from = TimeMs(105 * DAY_MS);
            let later = LedgerNeeds { link_sales: [(LINK, from)].into(), ..LedgerNeeds::default() };
            let later = owned.ledger.fetch(later).await.unwrap().link_sales;
            let wanted =
                memory.link_sales[&LINK].buckets.iter().filter(|(bucket, _)| *bucket >= LinkSales::bucket_of(from));
            assert_eq!(later[&LINK].buckets, wanted.copied().collect::<Vec<_>>());
            owned.close().await;
        }
    }
}
