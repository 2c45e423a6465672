use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, params};
use schemas::{
    catalog::{CatalogChange, ChangeNo, CredentialKind},
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    time::TimeMs,
};
use stores::catalog::{Catalog, DecisionKeys, SettingsPatch};

use crate::place::{NOON, Place, key, new_company, new_link, terms};

/// An edge's picture: for each row what it last learned of it.
#[derive(Default)]
pub(crate) struct Follower {
    pub(crate) up_to: ChangeNo,
    pub(crate) rows: HashMap<String, CatalogChange>,
}

impl Follower {
    pub(crate) fn learn(&mut self, rows: Vec<CatalogChange>) {
        for row in rows {
            let name = match &row {
                CatalogChange::Company(row) => row.id.to_string(),
                CatalogChange::Key(row) => row.id.to_string(),
                CatalogChange::Link(row) => row.id.to_string(),
            };
            self.rows.insert(name, row);
        }
    }

    pub(crate) async fn poll(&mut self, catalog: &Catalog, limit: u32) {
        loop {
            let changes = catalog.changes_since(self.up_to, limit).await.unwrap();
            if changes.up_to == self.up_to {
                return;
            }
            self.up_to = changes.up_to;
            self.learn(changes.rows);
        }
    }

    /// What there is and this one never heard of.
    pub(crate) async fn missed(&self, catalog: &Catalog) -> BTreeSet<String> {
        let there: BTreeSet<String> = loaded(catalog, 100).await.rows.into_keys().collect();
        there.into_iter().filter(|name| !self.rows.contains_key(name)).collect()
    }
}

/// A picture by a full load alone.
async fn loaded(catalog: &Catalog, limit: u32) -> Follower {
    let mut follower = Follower::default();
    let first = catalog.load_page(None, limit).await.unwrap();
    follower.up_to = first.current_to;
    follower.learn(first.rows);
    let mut next = first.next;
    while let Some(from) = next {
        let page = catalog.load_page(Some(from), limit).await.unwrap();
        follower.learn(page.rows);
        next = page.next;
    }
    follower
}

#[tokio::test]
async fn who_follows_while_many_write_misses_nothing() {
    for place in Place::all().await {
        let catalog = place.open().await;
        let mut follower = Follower::default();
        let writers: Vec<_> = (1..=8)
            .map(|writer| {
                let catalog = catalog.clone();
                tokio::spawn(async move {
                    for number in 0..10 {
                        let company = writer * 100 + number;
                        let change = catalog.register_company(new_company(company)).await.unwrap();
                        assert!(
                            *catalog.latest().borrow() >= change,
                            "who waits is woken by the time that the writer is told"
                        );
                        catalog.create_link(new_link(company, company, writer)).await.unwrap();
                    }
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            follower.poll(&catalog, 3).await;
            tokio::task::yield_now().await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        follower.poll(&catalog, 3).await;
        assert_eq!(follower.missed(&catalog).await, BTreeSet::new());
        assert_eq!(follower.rows.len(), 80 * 4);
        let up_to = follower.up_to;
        let catalog = place.reopen(catalog).await;
        assert_eq!(*catalog.latest().borrow(), up_to);
    }
}

/// A change as one would write it who takes the number before the transaction.
fn write_with_number(beside: &Connection, number: u64, company: i64) {
    let row = "INSERT INTO companies VALUES (?1, ?1, 'a.example', 'active', 'weekly', 0, ?2, 0)";
    beside.execute(row, params![company, company.to_be_bytes()]).unwrap();
    beside
        .execute("INSERT INTO changes (no, kind, id) VALUES (?1, 1, ?2)", params![number.cast_signed(), company])
        .unwrap();
}

#[tokio::test]
async fn a_number_taken_outside_the_transaction_is_caught() {
    let place = Place::embedded();
    let Some(folder) = place.folder() else { return };
    let catalog = place.open().await;
    let mut follower = Follower::default();
    let beside = Connection::open(folder.join("catalog.db")).unwrap();
    let (first, second) = (1, 2);
    write_with_number(&beside, second, 20);
    follower.poll(&catalog, 10).await;
    write_with_number(&beside, first, 10);
    follower.poll(&catalog, 10).await;
    assert_eq!(follower.missed(&catalog).await, BTreeSet::from([CompanyId(10).to_string()]));
}

#[tokio::test]
async fn the_newest_row_stands() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        let mut follower = loaded(&catalog, 1).await;
        let changed = catalog.latest();
        let paused = catalog.toggle_pause(CompanyId(1)).await.unwrap();
        assert!(changed.has_changed().unwrap());
        assert_eq!(paused.change.0, follower.up_to.0 + 1);
        catalog.toggle_pause(CompanyId(1)).await.unwrap();
        catalog.toggle_pause(CompanyId(1)).await.unwrap();
        catalog.replace_key(CompanyId(1), key(100, CredentialKind::Secret), NOON).await.unwrap();
        let changes = catalog.changes_since(follower.up_to, 100).await.unwrap();
        assert_eq!(changes.rows.len(), 3, "the company once, the old key and the new one");
        follower.poll(&catalog, 1).await;
        assert_eq!(follower.rows, loaded(&catalog, 100).await.rows);
        assert!(matches!(&follower.rows[&CompanyId(1).to_string()], CatalogChange::Company(row) if row.paused));
        assert!(
            matches!(&follower.rows[&KeyId(10).to_string()], CatalogChange::Key(row) if row.revoked_at == Some(NOON))
        );
    }
}

#[tokio::test]
async fn a_full_load_goes_through_all_in_pages_of_any_size() {
    for place in Place::all().await {
        let catalog = place.open().await;
        for id in [1, u64::MAX, 1 << 63, (1 << 63) - 1] {
            let company = new_company(1);
            let registered = stores::catalog::NewCompany {
                id: CompanyId(id),
                program: ProgramId(id),
                email_hash: schemas::hashes::EmailHash(u128::from(id)),
                terms: terms(ProgramId(id), 1),
                keys: vec![stores::catalog::NewCredential { id: KeyId(id), ..key(id >> 1, CredentialKind::Secret) }],
                ..company
            };
            catalog.register_company(registered).await.unwrap();
        }
        let all = loaded(&catalog, 100).await;
        assert_eq!(all.rows.len(), 8);
        for limit in 1..10 {
            let again = loaded(&catalog, limit).await;
            assert_eq!((again.rows, again.up_to), (all.rows.clone(), all.up_to), "{limit} a page");
        }
    }
}

#[tokio::test]
async fn a_batch_gets_all_that_it_asks_for() {
    for place in Place::all().await {
        let catalog = place.open().await;
        for company in 1..=2 {
            catalog.register_company(new_company(company)).await.unwrap();
        }
        catalog.create_link(new_link(1, 1, 7)).await.unwrap();
        let patch = SettingsPatch { terms: Some(terms(ProgramId(1_001), 2)), ..SettingsPatch::default() };
        catalog.update_settings(CompanyId(1), patch).await.unwrap();
        catalog.replace_key(CompanyId(1), key(100, CredentialKind::Secret), TimeMs(5)).await.unwrap();
        let wanted = DecisionKeys {
            links: vec![LinkId(1), LinkId(1), LinkId(99)],
            programs: vec![ProgramId(1_002), ProgramId(99)],
            partners: vec![PartnerId(99)],
            keys: vec![KeyId(10), KeyId(100), KeyId(99)],
        };
        let rows = catalog.decision_rows(wanted).await.unwrap();
        assert_eq!(rows.links.iter().map(|link| link.id).collect::<Vec<_>>(), [LinkId(1)]);
        let versions: HashMap<_, Vec<u32>> =
            rows.terms.into_iter().map(|(id, all)| (id, all.iter().map(|terms| terms.version).collect())).collect();
        assert_eq!(
            versions,
            HashMap::from([(ProgramId(1_001), vec![1, 2]), (ProgramId(1_002), vec![1])]),
            "a link's program comes with it"
        );
        assert_eq!(
            rows.partners.iter().map(|partner| partner.id).collect::<Vec<_>>(),
            [PartnerId(7)],
            "and its partner"
        );
        assert_eq!(rows.revoked, HashMap::from([(KeyId(10), TimeMs(5))]));
    }
}

#[tokio::test]
async fn a_batch_gets_the_terms_that_were_committed() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        let program = ProgramId(1_001);
        let windows = async || {
            let wanted = DecisionKeys { programs: vec![program], ..DecisionKeys::default() };
            let rows = catalog.decision_rows(wanted).await.unwrap();
            rows.terms[&program].iter().map(|terms| terms.policy.window_days).collect::<Vec<_>>()
        };
        let second = |window_days| {
            let mut terms = terms(program, 2);
            terms.policy.window_days = window_days;
            SettingsPatch { terms: Some(terms), ..SettingsPatch::default() }
        };
        assert_eq!(windows().await, [30]);
        let refused = SettingsPatch { payout_minimum_minor: Some(-1), ..second(45) };
        catalog.update_settings(CompanyId(1), refused).await.unwrap_err();
        assert_eq!(windows().await, [30]);
        catalog.update_settings(CompanyId(1), second(60)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(windows().await, [30, 60]);
        }
    }
}
