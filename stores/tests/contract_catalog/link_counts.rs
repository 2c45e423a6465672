//! What is kept of links is what a recount of all links finds.

use rusqlite::Connection;
use schemas::{
    code::Code,
    ids::{CompanyId, PartnerId},
};
use stores::{
    Page,
    catalog::{Catalog, LinkError, LinkPartner, NewLink},
};

use crate::{
    database::Database,
    place::{NOON, Place, connect, new_company, new_link},
};

/// What is kept, and the links counted one by one.
const KEPT_AND_COUNTED: [(&str, &str); 2] = [
    (
        "SELECT company, links, partners FROM link_counts",
        "SELECT company, count(*), count(DISTINCT partner) FROM links GROUP BY company",
    ),
    (
        "SELECT partner, company, links, joined_at FROM partnerships",
        "SELECT partner, company, count(*), min(created_at) FROM links GROUP BY partner, company",
    ),
];

/// How many rows are kept otherwise than counted.
async fn wrong(place: &Place) -> i64 {
    let mut wrong = 0;
    for (kept, counted) in KEPT_AND_COUNTED {
        for (one, other) in [(kept, counted), (counted, kept)] {
            let select = format!("SELECT count(*) FROM ({one} EXCEPT {other}) AS differing");
            wrong += match place {
                Place::Embedded(folder) => {
                    let beside = Connection::open(folder.path().join("catalog.db")).unwrap();
                    beside.query_row(&select, [], |row| row.get::<_, i64>(0)).unwrap()
                }
                Place::Distributed(database) => {
                    let beside = database.client().await;
                    beside.batch_execute("SET search_path = catalog").await.unwrap();
                    beside.query_one(&select, &[]).await.unwrap().get(0)
                }
            };
        }
    }
    wrong
}

async fn by_hand(place: &Place, statements: &str) {
    match place {
        Place::Embedded(folder) => {
            let beside = Connection::open(folder.path().join("catalog.db")).unwrap();
            beside.execute_batch(&format!("PRAGMA foreign_keys = OFF; {statements}")).unwrap();
        }
        Place::Distributed(database) => {
            let beside = database.client().await;
            beside.batch_execute(&format!("SET search_path = catalog; {statements}")).await.unwrap();
        }
    }
}

/// Partners and links of a company, as the catalog says.
async fn of_company(catalog: &Catalog, company: u64) -> (u64, u64) {
    let company = CompanyId(company);
    let links = catalog.links_of_company(company, Page::first(1)).await.unwrap().total;
    (catalog.partner_count(company).await.unwrap(), links)
}

/// Companies and links of a partner, as the catalog says.
async fn of_partner(catalog: &Catalog, partner: u64) -> (u64, u64) {
    let partner = PartnerId(partner);
    let links = catalog.links_of_partner(partner, Page::first(1)).await.unwrap().total;
    (catalog.programs_of_partner(partner, Page::first(1)).await.unwrap().total, links)
}

/// A catalog with two companies, in which partner 1 has two links with the first and one with the second.
async fn some_links(place: &Place) -> Catalog {
    let catalog = place.open().await;
    for company in 1..=3 {
        catalog.register_company(new_company(company)).await.unwrap();
    }
    for (number, company, partner, at) in [(1, 1, 1, 5), (2, 1, 2, 0), (3, 1, 1, 2), (4, 2, 1, 9), (5, 1, 3, 1)] {
        catalog.create_link(NewLink { now: NOON.plus_ms(at), ..new_link(number, company, partner) }).await.unwrap();
    }
    catalog
}

#[tokio::test]
async fn a_partner_counts_once_in_each_company() {
    for place in Place::all().await {
        let catalog = some_links(&place).await;
        let join = |number, company, partner| NewLink {
            partner: LinkPartner::Known(PartnerId(partner)),
            ..new_link(number, company, partner)
        };
        catalog.join_program(join(6, 2, 2)).await.unwrap();
        assert!(matches!(catalog.join_program(join(7, 1, 1)).await, Err(LinkError::AlreadyJoined)));
        let code = Code::parse("CODE-1").unwrap();
        let taken = catalog.create_link(NewLink { code, ..new_link(8, 1, 4) }).await;
        assert!(matches!(taken, Err(LinkError::CodeTaken)));
        let catalog = place.reopen(catalog).await;
        let companies = [(1, (3, 4)), (2, (2, 2)), (3, (0, 0)), (9, (0, 0))];
        for (company, wanted) in companies {
            assert_eq!(of_company(&catalog, company).await, wanted, "company {company}");
        }
        for (partner, wanted) in [(1, (2, 3)), (2, (2, 2)), (3, (1, 1)), (4, (0, 0))] {
            assert_eq!(of_partner(&catalog, partner).await, wanted, "partner {partner}");
        }
        let joined = catalog.programs_of_partner(PartnerId(1), Page::first(10)).await.unwrap().rows;
        let joined: Vec<_> = joined.iter().map(|program| (program.company.0, program.joined_at)).collect();
        assert_eq!(joined, [(1, NOON.plus_ms(2)), (2, NOON.plus_ms(9))], "since the oldest link");
        assert_eq!(wrong(&place).await, 0);
    }
}

#[tokio::test]
async fn a_wrong_count_is_found_by_the_recount() {
    let by_hands = [
        "UPDATE link_counts SET links = links + 1 WHERE company = 1",
        "UPDATE link_counts SET partners = partners - 1 WHERE company = 1",
        "DELETE FROM link_counts WHERE company = 2",
        "INSERT INTO link_counts VALUES (3, 1, 1)",
        "UPDATE partnerships SET links = links + 1 WHERE partner = 1 AND company = 2",
        "UPDATE partnerships SET joined_at = joined_at + 1 WHERE partner = 1 AND company = 1",
        "DELETE FROM partnerships WHERE partner = 3",
        "DELETE FROM links WHERE id = 3",
        "INSERT INTO links SELECT 30, 'new', 'new', company, program, partner, destination, created_at FROM links WHERE id = 4",
        "UPDATE links SET partner = 2 WHERE id = 4",
    ];
    for statement in by_hands {
        for place in Place::all().await {
            some_links(&place).await.close().await;
            assert_eq!(wrong(&place).await, 0, "before {statement}");
            by_hand(&place, statement).await;
            assert_ne!(wrong(&place).await, 0, "{statement}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_made_at_once_are_all_counted() {
    const WRITERS: u64 = 8;
    const EACH: u64 = 30;
    for place in Place::all().await {
        let catalog = place.open().await;
        let other = match &place {
            Place::Embedded(_) => catalog.clone(),
            Place::Distributed(database) => connect(&database.url).await.unwrap(),
        };
        for company in 1..=2 {
            catalog.register_company(new_company(company)).await.unwrap();
        }
        let writers = (0..WRITERS).map(|writer| {
            let catalog = if writer % 2 == 0 { catalog.clone() } else { other.clone() };
            tokio::spawn(async move {
                for number in 0..EACH {
                    // Of every company and partner several writers make the first link at once; each code is asked for twice.
                    let code = Code::parse(&format!("at-once-{}", (writer / 2) * EACH + number)).unwrap();
                    let link = new_link(writer * EACH + number, number % 2 + 1, 100 + number % 5);
                    match catalog.create_link(NewLink { code, ..link }).await {
                        Ok(_) | Err(LinkError::CodeTaken) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        for company in 1..=2 {
            assert_eq!(of_company(&other, company).await, (5, WRITERS / 2 * EACH / 2));
        }
        for partner in 100..105 {
            assert_eq!(of_partner(&catalog, partner).await, (2, WRITERS / 2 * EACH / 5));
        }
        assert_eq!(wrong(&place).await, 0);
    }
}

#[tokio::test]
async fn a_count_that_is_read_and_then_written_loses_a_link() {
    for (more, is_right) in [("links + 1", true), ("{read} + 1", false)] {
        let database = Database::make().await;
        let clients = [database.client().await, database.client().await];
        let place = Place::Distributed(database);
        some_links(&place).await.close().await;
        let mut reads = Vec::new();
        for (id, client) in (30..).zip(&clients) {
            let insert = format!(
                "SET search_path = catalog; BEGIN; \
                 INSERT INTO links SELECT {id}, '{id}', '{id}', company, program, partner, destination, created_at \
                 FROM links WHERE id = 4"
            );
            client.batch_execute(&insert).await.unwrap();
            let read = "SELECT links FROM link_counts WHERE company = 2";
            reads.push(client.query_one(read, &[]).await.unwrap().get::<_, i64>(0));
        }
        for (read, client) in reads.iter().zip(&clients) {
            let more = more.replace("{read}", &read.to_string());
            let count = format!(
                "UPDATE partnerships SET links = links + 1 WHERE partner = 1 AND company = 2; \
                 UPDATE link_counts SET links = {more} WHERE company = 2; COMMIT"
            );
            client.batch_execute(&count).await.unwrap();
        }
        assert_eq!(wrong(&place).await == 0, is_right, "{more}");
    }
}

#[tokio::test]
async fn pages_from_both_ends_make_the_whole_list() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        for number in 1..=11_u64 {
            // Several at one time, so that the id decides.
            let now = NOON.plus_ms((number / 3).cast_signed());
            catalog.create_link(NewLink { now, ..new_link(number, 1, 1) }).await.unwrap();
        }
        let (company, partner) = (CompanyId(1), PartnerId(1));
        for per_page in [1, 2, 3, 5, 11, 100] {
            let mut listed = Vec::new();
            for number in 1..=11_u32.div_ceil(per_page) + 1 {
                let page = Page { number, per_page };
                let found = catalog.links_of_company(company, page).await.unwrap();
                assert_eq!(found, catalog.links_of_partner(partner, page).await.unwrap(), "{page:?}");
                assert_eq!(found.total, 11, "{page:?}");
                listed.extend(found.rows.iter().map(|link| link.row.id.0));
            }
            assert_eq!(listed, (1..=11).rev().collect::<Vec<_>>(), "{per_page} a page");
        }
        let far = Page { number: u32::MAX, per_page: 100 };
        assert_eq!(catalog.links_of_company(company, far).await.unwrap().rows, []);
    }
}
