//! What a link costs an edge, in resident memory. In a process of its own, so that nothing else is measured.

use ingest::snapshot::Snapshot;
use schemas::{
    catalog::{CatalogChange, ChangeNo, LinkRow},
    code::Code,
    ids::{CompanyId, LinkId, PartnerId, ProgramId},
};

const LINKS: u64 = 1_000_000;
const BYTES_A_LINK_MAX: u64 = 150;
const PAGE_BYTES: u64 = 4_096;

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells a process its memory");
    let pages = statm.split_whitespace().nth(1).expect("the second figure is what is resident");
    pages.parse::<u64>().expect("a number of pages") * PAGE_BYTES
}

fn links() -> impl Iterator<Item = CatalogChange> {
    (0..LINKS).map(|number| {
        let code = Code::parse(&format!("partner-{number:06}")).expect("a code");
        CatalogChange::Link(LinkRow {
            id: LinkId(code.route()),
            code,
            company: CompanyId(number % 1_000 + 1),
            program: ProgramId(number % 1_000 + 1),
            partner: PartnerId(number + 1),
            destination: format!("https://shop-{:04}.example/landing/spring-collection/{:06}", number % 1_000, number),
        })
    })
}

#[test]
fn a_million_links_stay_small() {
    let before = resident_bytes();
    let mut snapshot = Snapshot::load(links(), ChangeNo(1));
    let loaded = (resident_bytes() - before) / LINKS;
    // Changes copy a shard at a time: what they leave behind must not add up.
    for round in 0..1_000 {
        let Some(CatalogChange::Link(mut link)) = links().nth(round) else { panic!("there are links") };
        link.destination.push_str("/changed");
        snapshot = snapshot.after(vec![CatalogChange::Link(link)], ChangeNo(2 + round as u64));
    }
    let changed = (resident_bytes() - before) / LINKS;
    println!("{loaded} bytes a link when loaded, {changed} after 1,000 changes");
    let code = Code::parse("PARTNER-000007").expect("a code");
    assert!(snapshot.link_by_code(&code).is_some_and(|link| link.destination.ends_with("/changed")));
    assert!(loaded <= BYTES_A_LINK_MAX && changed <= BYTES_A_LINK_MAX, "{loaded}, then {changed} bytes a link");
}
