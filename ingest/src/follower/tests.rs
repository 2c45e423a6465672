use schemas::{
    code::Code,
    hashes::EmailHash,
    ids::{CompanyId, LinkId, PartnerId, ProgramId},
    money::Rate,
};
use stores::catalog::{FreshKeys, LinkPartner, NewCompany, NewLink, Payout, PayoutSchedule};

use super::*;

const NOW: TimeMs = TimeMs(1_795_176_000_000);

async fn filled(catalog: &Catalog) -> ChangeNo {
    let company = NewCompany {
        id: CompanyId(1),
        program: ProgramId(1),
        name: "Acme".to_owned(),
        domain: "acme.example".to_owned(),
        email: "owner@acme.example".to_owned(),
        email_hash: EmailHash(1),
        terms: rules::presets::refuel(ProgramId(1), Rate(100_000), 30, NOW),
        payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 0 },
        keys: Vec::new(),
        now: NOW,
    };
    catalog.register_company(company).await.unwrap();
    let code = Code::parse("jane").unwrap();
    let (email, email_hash) = ("jane@example.com".to_owned(), EmailHash(2));
    let link = NewLink {
        id: LinkId(code.route()),
        code,
        company: CompanyId(1),
        partner: LinkPartner::Addressed { email, email_hash, id_if_new: PartnerId(1) },
        destination: "https://acme.example/".to_owned(),
        name: None,
        now: NOW,
    };
    catalog.create_link(link).await.unwrap().change
}

#[tokio::test]
async fn what_changes_did_not_say_a_full_load_brings() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), NOW).unwrap();
    let (follower, _following) = Follower::start(catalog.clone(), || NOW, CancellationToken::new()).await.unwrap();
    let newest = filled(&catalog).await;
    follower.snapshot.store(Arc::new(Snapshot::load([], newest)));
    let (reach, _reached) = watch::channel(newest);
    let knows = || follower.current().link_by_code(&Code::parse("Jane").unwrap()).is_some();
    catch_up(&catalog, &follower, &reach, None).await.unwrap();
    assert!(!knows(), "no change tells of it any more");
    let early = Snapshot::load([], ChangeNo(0));
    catch_up(&catalog, &follower, &reach, Some(early)).await.unwrap();
    assert!(knows(), "a load that is behind is brought up to date before it is shown");
    follower.snapshot.store(Arc::new(Snapshot::load([], newest)));
    catch_up(&catalog, &follower, &reach, Some(load(&catalog).await.unwrap())).await.unwrap();
    assert!(knows());
    follower.snapshot.store(Arc::new(Snapshot::load([], newest)));
    let whole = load(&catalog).await.unwrap();
    catalog.close().await;
    catch_up(&catalog, &follower, &reach, Some(whole)).await.unwrap_err();
    assert!(!knows(), "one that could not be brought up to date is not shown");
}

#[tokio::test]
async fn a_day_key_that_the_catalog_lost_is_used_on() {
    let load = async |days: &[i32], secret: u8| {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path(), NOW).unwrap();
        for day in days {
            let fresh = FreshKeys { today: [secret; 16], tomorrow: [secret; 16], receipt: [secret; 16] };
            catalog.rotate_keys(NOW.plus_ms(i64::from(*day) * schemas::time::DAY_MS), fresh).await.unwrap();
        }
        EdgeKeys::load(&catalog, NOW).await.unwrap()
    };
    let address = crate::address::Address::of("203.0.113.9".parse().unwrap());
    let hash = |keys: &EdgeKeys, now| keys.hash(address, now).map(|hashes| hashes.today);
    let (known, lost, anew) = (load(&[0], 1).await, load(&[], 0).await, load(&[0], 2).await);
    assert_eq!(hash(&lost, NOW), None);
    let kept = lost.with_lost_days_of(&known, NOW);
    assert_eq!(hash(&kept, NOW), hash(&known, NOW));
    let made_anew = hash(&anew, NOW);
    assert_eq!(hash(&anew.with_lost_days_of(&kept, NOW), NOW), made_anew, "what the catalog has counts");
    let later = NOW.plus_days(3);
    assert_eq!(hash(&load(&[], 0).await.with_lost_days_of(&kept, later), NOW), None, "what is destroyed is not kept");
}
