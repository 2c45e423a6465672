use schemas::{
    catalog::CredentialKind,
    ids::{CompanyId, KeyId, ProgramId},
};
use stores::{
    Page,
    catalog::{CompanyError, CompanyStatus, NewCompany, Payout, PayoutSchedule, RegisterError, SettingsPatch, digest},
};

use crate::{
    database::Database,
    place::{NOON, Place, key, key_text, new_company, terms},
};

#[tokio::test]
async fn a_company_is_there_as_it_registered() {
    for place in Place::all().await {
        let catalog = place.open().await;
        let secrets = *catalog.secrets().jwt_key.first_chunk::<8>().unwrap();
        catalog.register_company(new_company(7)).await.unwrap();
        let again = NewCompany { id: CompanyId(8), program: ProgramId(8), ..new_company(7) };
        assert!(matches!(catalog.register_company(again).await, Err(RegisterError::Taken)));
        let (deployment, catalog) = (catalog.deployment(), place.reopen(catalog).await);
        assert_eq!(catalog.deployment(), deployment);
        assert_eq!(catalog.secrets().jwt_key.first_chunk(), Some(&secrets));
        assert_eq!(catalog.company(CompanyId(8)).await.unwrap(), None, "nothing of a refused one stays");
        let company = catalog.company(CompanyId(7)).await.unwrap().unwrap();
        assert_eq!((company.name.as_str(), company.email.as_str()), ("Company 7", "owner-7@example.com"));
        assert_eq!((company.domain.as_str(), company.status), ("https://shop-7.example", CompanyStatus::Active));
        assert_eq!(company.terms, terms(ProgramId(1_007), 1));
        assert_eq!(company.payout, Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 5_000 });
        assert_eq!(company.secret_key_shown.as_deref(), Some("sk_live_0000"), "a secret is not shown");
        assert_eq!(company.publishable_key, Some(key_text(71, CredentialKind::Publishable)));
        assert_eq!((company.postback_key_shown, company.widget_config, company.created_at), (None, None, NOON));
        assert_eq!(catalog.company_by_email(new_company(7).email_hash).await.unwrap(), Some(CompanyId(7)));
        let names = catalog.company_names(vec![CompanyId(7), CompanyId(8)]).await.unwrap();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), [(CompanyId(7), "Company 7".to_owned())]);
    }
}

fn everything() -> SettingsPatch {
    SettingsPatch {
        payout_schedule: Some(PayoutSchedule::Weekly),
        payout_minimum_minor: Some(1_000),
        widget_config: Some(r#"{"position":"top-left"}"#.to_owned()),
        terms: Some(terms(ProgramId(1_001), 2)),
    }
}

#[tokio::test]
async fn settings_change_together_or_not_at_all() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        catalog.register_company(new_company(2)).await.unwrap();
        let before = catalog.company(CompanyId(1)).await.unwrap();
        let refused = [
            ("the same version", SettingsPatch { terms: Some(terms(ProgramId(1_001), 1)), ..everything() }),
            ("a version left out", SettingsPatch { terms: Some(terms(ProgramId(1_001), 3)), ..everything() }),
            ("another program", SettingsPatch { terms: Some(terms(ProgramId(1_002), 2)), ..everything() }),
            ("an amount below zero", SettingsPatch { payout_minimum_minor: Some(-1), ..everything() }),
        ];
        for (name, patch) in refused {
            assert!(catalog.update_settings(CompanyId(1), patch).await.is_err(), "{name}");
            assert_eq!(catalog.company(CompanyId(1)).await.unwrap(), before, "{name}");
        }
        assert!(matches!(catalog.update_settings(CompanyId(9), everything()).await, Err(CompanyError::Unknown)));
        let after = catalog.update_settings(CompanyId(1), everything()).await.unwrap();
        assert_eq!(after.payout, Payout { schedule: PayoutSchedule::Weekly, minimum_minor: 1_000 });
        assert_eq!((after.terms.version, after.widget_config.as_deref()), (2, everything().widget_config.as_deref()));
        let untouched = catalog.update_settings(CompanyId(1), SettingsPatch::default()).await.unwrap();
        assert_eq!(untouched, after);
        let catalog = place.reopen(catalog).await;
        assert_eq!(catalog.company(CompanyId(1)).await.unwrap(), Some(after));
    }
}

#[tokio::test]
async fn of_two_changes_of_the_same_terms_one_wins() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        let tries = (0..16).map(|_| {
            let catalog = catalog.clone();
            tokio::spawn(async move { catalog.update_settings(CompanyId(1), everything()).await })
        });
        let mut won = 0;
        for attempt in tries.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(_) => won += 1,
                Err(CompanyError::TermsMoved) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn a_replaced_key_is_dead_at_once() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        let digest_of = |id, kind| digest(&key_text(id, kind));
        let later = NOON.plus_ms(5);
        catalog.replace_key(CompanyId(1), key(100, CredentialKind::Secret), later).await.unwrap();
        let old = catalog.credential_by_digest(digest_of(10, CredentialKind::Secret)).await.unwrap().unwrap();
        assert_eq!((old.id, old.revoked_at), (KeyId(10), Some(later)));
        let new = catalog.credential_by_digest(digest_of(100, CredentialKind::Secret)).await.unwrap().unwrap();
        assert_eq!((new.company, new.kind, new.revoked_at), (CompanyId(1), CredentialKind::Secret, None));
        let publishable =
            catalog.credential_by_digest(digest_of(11, CredentialKind::Publishable)).await.unwrap().unwrap();
        assert_eq!(publishable.revoked_at, None, "other kinds stay");
        catalog.replace_key(CompanyId(1), key(101, CredentialKind::Postback), later).await.unwrap();
        let company = catalog.company(CompanyId(1)).await.unwrap().unwrap();
        assert_eq!(company.postback_key_shown.as_deref(), Some("pb_live_0000"));
        assert_eq!(catalog.credential_by_digest(digest("sk_live_nope")).await.unwrap(), None);
        let nobodys = catalog.replace_key(CompanyId(9), key(102, CredentialKind::Secret), later).await;
        assert!(matches!(nobodys, Err(CompanyError::Unknown)));
    }
}

#[tokio::test]
async fn a_pause_takes_a_program_off_the_list() {
    for place in Place::all().await {
        let catalog = place.open().await;
        for number in 1..=5_u64 {
            catalog
                .register_company(NewCompany { now: NOON.plus_ms(number.cast_signed()), ..new_company(number) })
                .await
                .unwrap();
        }
        assert_eq!(catalog.toggle_pause(CompanyId(2)).await.unwrap().status, CompanyStatus::Paused);
        let page = catalog.open_programs(Page { number: 2, per_page: 2 }).await.unwrap();
        let listed: Vec<_> =
            page.rows.iter().map(|program| (program.company, program.name.as_str(), program.terms.version)).collect();
        assert_eq!((listed, page.total), (vec![(CompanyId(4), "Company 4", 1), (CompanyId(5), "Company 5", 1)], 4));
        assert_eq!(catalog.toggle_pause(CompanyId(2)).await.unwrap().status, CompanyStatus::Active);
        assert_eq!(catalog.open_programs(Page::first(100)).await.unwrap().total, 5);
        assert!(matches!(catalog.toggle_pause(CompanyId(9)).await, Err(CompanyError::Unknown)));
    }
}

#[tokio::test]
async fn nobody_touches_terms() {
    let statements = ["UPDATE terms SET body = '{}'", "DELETE FROM terms"];
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        for statement in statements {
            let refusal = match &place {
                Place::Embedded(folder) => {
                    let beside = rusqlite::Connection::open(folder.path().join("catalog.db")).unwrap();
                    beside.execute(statement, []).unwrap_err().to_string()
                }
                Place::Distributed(database) => refusal(database, &statement.replace("terms", "catalog.terms")).await,
            };
            assert!(refusal.contains("terms are never"), "{refusal}");
        }
        if let Place::Distributed(database) = &place {
            let refusal = refusal(database, "TRUNCATE catalog.terms").await;
            assert!(refusal.contains("terms are never"), "{refusal}");
        }
    }
}

async fn refusal(database: &Database, statement: &str) -> String {
    let error = database.client().await.batch_execute(statement).await.unwrap_err();
    error.as_db_error().unwrap().message().to_owned()
}
