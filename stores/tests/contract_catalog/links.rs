use schemas::{
    code::Code,
    ids::{CompanyId, LinkId, PartnerId, ProgramId},
};
use stores::{
    Page,
    catalog::{CompanyStatus, LinkError, LinkPartner, NewLink},
};

use crate::place::{NOON, Place, addressed, new_company, new_link};

#[tokio::test]
async fn a_link_is_found_by_its_code_in_any_case() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        let made = catalog.create_link(NewLink { name: Some("Jane's".to_owned()), ..new_link(5, 1, 3) }).await.unwrap();
        assert_eq!(made.partner, PartnerId(3));
        let catalog = place.reopen(catalog).await;
        let link = catalog.link_by_code(Code::parse("cODE-5").unwrap()).await.unwrap().unwrap();
        assert_eq!(
            (link.row.code.as_str(), link.row.program, link.row.partner),
            ("Code-5", ProgramId(1_001), PartnerId(3))
        );
        assert_eq!((link.name.as_deref(), link.created_at), (Some("Jane's"), NOON));
        assert_eq!(catalog.link(LinkId(5)).await.unwrap(), Some(link));
        assert_eq!(catalog.link(LinkId(6)).await.unwrap(), None);
        let partner = catalog.partner(PartnerId(3)).await.unwrap().unwrap();
        assert_eq!(
            (partner.email.as_str(), partner.tier.as_str(), partner.status.as_str()),
            ("partner-3@example.com", "standard", "active")
        );
        assert_eq!((partner.name, partner.stripe_connect_id), (None, None));
    }
}

#[tokio::test]
async fn what_cannot_be_linked_is_refused_and_leaves_nothing() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        catalog.create_link(new_link(1, 1, 1)).await.unwrap();
        let code = Code::parse("CODE-1").unwrap();
        let taken = catalog.create_link(NewLink { code, ..new_link(2, 1, 2) }).await;
        assert!(matches!(taken, Err(LinkError::CodeTaken)));
        assert_eq!(catalog.partner(PartnerId(2)).await.unwrap(), None, "its partner is not made");
        assert!(matches!(catalog.create_link(new_link(3, 9, 1)).await, Err(LinkError::UnknownCompany)));
        let unknown = NewLink { partner: LinkPartner::Known(PartnerId(9)), ..new_link(4, 1, 1) };
        assert!(matches!(catalog.create_link(unknown).await, Err(LinkError::UnknownPartner)));
        let join = |number, partner| NewLink {
            partner: LinkPartner::Known(PartnerId(partner)),
            ..new_link(number, 1, partner)
        };
        assert!(
            matches!(catalog.join_program(join(5, 1)).await, Err(LinkError::AlreadyJoined)),
            "a link by the company counts"
        );
        assert!(matches!(catalog.join_program(join(6, 9)).await, Err(LinkError::UnknownPartner)));
        assert_eq!(catalog.links_of_company(CompanyId(1), Page::first(10)).await.unwrap().total, 1);
        catalog.create_link(new_link(7, 1, 1)).await.unwrap();
        assert_eq!(
            catalog.links_of_partner(PartnerId(1), Page::first(10)).await.unwrap().total,
            2,
            "a company may make more"
        );
    }
}

#[tokio::test]
async fn at_once_one_joins_and_one_address_is_one_partner() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        catalog.register_company(new_company(2)).await.unwrap();
        let made = (0..16).map(|number| {
            let catalog = catalog.clone();
            let LinkPartner::Addressed { email, email_hash, .. } = addressed(1) else { unreachable!() };
            let partner = LinkPartner::Addressed { email, email_hash, id_if_new: PartnerId(50 + number) };
            tokio::spawn(async move {
                catalog.create_link(NewLink { partner, ..new_link(number, 1, 1) }).await.unwrap().partner
            })
        });
        let mut partners = Vec::new();
        for made in made.collect::<Vec<_>>() {
            partners.push(made.await.unwrap());
        }
        partners.dedup();
        assert_eq!(partners.len(), 1, "{partners:?}");
        assert_eq!(catalog.partner_count(CompanyId(1)).await.unwrap(), 1);
        let joins = (100..116).map(|number| {
            let catalog = catalog.clone();
            let join = NewLink { partner: LinkPartner::Known(partners[0]), ..new_link(number, 2, 1) };
            tokio::spawn(async move { catalog.join_program(join).await.is_ok() })
        });
        let mut joined = 0;
        for join in joins.collect::<Vec<_>>() {
            joined += usize::from(join.await.unwrap());
        }
        assert_eq!(joined, 1);
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    for place in Place::all().await {
        let catalog = place.open().await;
        for company in 1..=3 {
            catalog.register_company(new_company(company)).await.unwrap();
        }
        for number in 0..12_u64 {
            let (company, partner) = (number % 3 + 1, number % 4 + 1);
            let now = NOON.plus_ms(number.cast_signed());
            catalog.create_link(NewLink { now, ..new_link(number, company, partner) }).await.unwrap();
        }
        let ids = |links: &[stores::catalog::Link]| links.iter().map(|link| link.row.id.0).collect::<Vec<_>>();
        let page = catalog.links_of_company(CompanyId(1), Page { number: 1, per_page: 3 }).await.unwrap();
        assert_eq!((ids(&page.rows), page.total), (vec![9, 6, 3], 4));
        let page = catalog.links_of_company(CompanyId(1), Page { number: 2, per_page: 3 }).await.unwrap();
        assert_eq!((ids(&page.rows), page.total), (vec![0], 4));
        let page = catalog.links_of_partner(PartnerId(2), Page::first(100)).await.unwrap();
        assert_eq!((ids(&page.rows), page.total), (vec![9, 5, 1], 3));
        assert_eq!(catalog.partner_count(CompanyId(1)).await.unwrap(), 4);
        catalog.toggle_pause(CompanyId(3)).await.unwrap();
        let programs = catalog.programs_of_partner(PartnerId(2), Page::first(100)).await.unwrap();
        let listed: Vec<_> =
            programs.rows.iter().map(|program| (program.company.0, program.status, program.joined_at)).collect();
        let wanted = [
            (2, CompanyStatus::Active, NOON.plus_ms(1)),
            (3, CompanyStatus::Paused, NOON.plus_ms(5)),
            (1, CompanyStatus::Active, NOON.plus_ms(9)),
        ];
        assert_eq!((listed.as_slice(), programs.total), (wanted.as_slice(), 3));
    }
}
