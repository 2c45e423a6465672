//! Whatever a batch does to the same rows, and in which order, both variants are left with the same.

use proptest::{collection::vec, prelude::*};
use rules::{
    Effect,
    effect::ParkedUntil,
    known::{Bound, ClickName, Ident, IdentRecord},
};
use schemas::{
    event::Settle,
    hashes::{CustomerHash, KeyHash},
    ids::{ConversionId, LinkId, PartnerId},
    money::Currency,
    time::TimeMs,
};
use stores::ledger::{CommitError, Ledger, LedgerFetched, LedgerNeeds};

use crate::{
    place::variants,
    samples::{COMPANY, at, parked, take_key},
    several::Several,
};

const SMALL: std::ops::Range<u64> = 1..4;

fn ident(n: u64) -> Ident {
    Ident::Customer(CustomerHash(n.into()))
}

fn keys() -> impl Strategy<Value = Effect> {
    prop_oneof![
        3 => (SMALL, SMALL).prop_map(|(key, by)| take_key(key.into(), by.into())),
        1 => SMALL.prop_map(|key| Effect::FreeKey { key: KeyHash(key.into()) }),
    ]
}

fn waiting() -> impl Strategy<Value = Effect> {
    let until = prop_oneof![
        (0_u64..60).prop_map(|offset| ParkedUntil::FactsHold { offset }),
        (0_i64..60).prop_map(|at| ParkedUntil::Lead { expires_at: TimeMs(at) }),
        Just(ParkedUntil::LateClick),
    ];
    let park = (SMALL, until, vec(SMALL, 0..3)).prop_map(|(n, until, idents)| {
        let mut parked = parked(n.into(), until);
        parked.idents = idents.into_iter().map(ident).collect();
        Effect::Park(Box::new(parked))
    });
    let id = || SMALL.prop_map(|n| ConversionId(n.into()));
    prop_oneof![
        4 => park,
        2 => id().prop_map(|conversion| Effect::Unpark { conversion }),
        3 => (id(), SMALL, 0_i64..60).prop_map(|(conversion, link, at)| {
            Effect::Await { company: COMPANY, link: LinkId(link), conversion, at: TimeMs(at) }
        }),
        3 => (id(), 0_u64..60).prop_map(|(conversion, offset)| {
            Effect::NoteLate { company: COMPANY, conversion, click: at(offset) }
        }),
        2 => (id(), 0_u64..60).prop_map(|(conversion, facts_up_to)| Effect::ClearLate { conversion, facts_up_to }),
        1 => (id(), 0_u32..2).prop_map(|(conversion, partition)| {
            Effect::AppendSettle { partition, settle: Settle { company: COMPANY, conversion, facts_up_to: 5 } }
        }),
    ]
}

fn customers() -> impl Strategy<Value = Effect> {
    let put = (SMALL, any::<bool>()).prop_map(|(n, bound)| {
        let by = Bound { partner: PartnerId(n), link: LinkId(n), at: TimeMs(1) };
        Effect::PutIdent {
            company: COMPANY,
            ident: ident(n),
            record: IdentRecord { bound: bound.then_some(by), ..IdentRecord::default() },
        }
    });
    prop_oneof![
        put,
        (SMALL, SMALL).prop_map(|(click, customer)| Effect::UseClick {
            click: ClickName { link: LinkId(1), event_id_hash: click },
            customer: customer.into()
        }),
        (SMALL, 0_i64..60).prop_map(|(link, at)| Effect::CountSale { link: LinkId(link), at: TimeMs(at * 50_000_000) }),
        (-5_i64..5).prop_map(|amount_minor| Effect::NoteValue {
            company: COMPANY,
            currency: Currency::USD,
            amount_minor
        }),
    ]
}

fn needs() -> LedgerNeeds {
    LedgerNeeds {
        keys: SMALL.map(|n| KeyHash(n.into())).collect(),
        parked: SMALL.map(|n| ConversionId(n.into())).collect(),
        parked_by_ident: SMALL.map(|n| (COMPANY, ident(n))).collect(),
        idents: SMALL.map(|n| (COMPANY, ident(n))).collect(),
        click_customers: SMALL.map(|n| ClickName { link: LinkId(1), event_id_hash: n }).collect(),
        link_sales: SMALL.map(|n| (LinkId(n), TimeMs(0))).collect(),
        recent_values: [(COMPANY, Currency::USD)].into(),
        awaiting: SMALL.map(|n| (LinkId(n), TimeMs(0))).collect(),
        ..LedgerNeeds::default()
    }
}

/// All that is known, without what says nothing.
async fn known(ledger: &Ledger) -> (String, LedgerFetched) {
    let mut fetched = ledger.fetch(needs()).await.unwrap();
    fetched.idents.retain(|_, record| *record != IdentRecord::default());
    let mut late = ledger.late_due(0, 60, 100).await.unwrap();
    late.sort_by_key(|settle| settle.conversion);
    let mut facts = ledger.parked_due(0, 60, 100).await.unwrap();
    facts.sort_by_key(|settle| settle.conversion);
    let settles = ledger.settles_due(0, 100).await.unwrap();
    let settles: Vec<_> = settles.iter().map(|due| (due.partition, due.settle)).collect();
    (format!("{late:?} {facts:?} {settles:?}"), fetched)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_variants_are_left_with_the_same(
        batches in vec((vec(prop_oneof![keys(), waiting(), customers()], 0..24), any::<bool>()), 1..6)
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut ledgers = Vec::new();
            for variant in variants() {
                ledgers.push(Several::new(variant, 2).await);
            }
            for (effects, relies) in &batches {
                let (mut done, mut left) = (Vec::new(), Vec::new());
                for several in &mut ledgers {
                    let fetched = several.ledger.fetch(needs()).await.unwrap();
                    let relied_on = if *relies { fetched.versions } else { Default::default() };
                    done.push(match several.owners[0].commit(relied_on, effects.clone()).await {
                        Ok(()) => true,
                        Err(CommitError::Conflict(_)) => false,
                        Err(error) => panic!("{error}"),
                    });
                    left.push(known(&several.ledger).await);
                }
                let ((said, one), (also_said, other)) = (&left[0], &left[1]);
                assert_eq!(done[0], done[1], "committed");
                assert_eq!(said, also_said, "due");
                assert_eq!(one.keys, other.keys);
                assert_eq!(one.parked, other.parked);
                assert_eq!(one.idents, other.idents);
                assert_eq!(one.click_customers, other.click_customers);
                assert_eq!(one.link_sales, other.link_sales);
                assert_eq!(one.recent_values, other.recent_values);
                assert_eq!(one.awaiting, other.awaiting);
            }
            for several in ledgers {
                several.close().await;
            }
        });
    }
}
