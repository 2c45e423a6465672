use rules::touches::Touch;
use schemas::{
    decision::Outcome,
    facts::{ClickFact, Fact},
    ids::LinkId,
    receipt::Visit,
    time::TimeMs,
    web::{Device, Page as WebPage},
};
use stores::{Page, facts::TOUCHES_OF_A_LINK};

use crate::place::{NOON, Place, block, click, clicked, visited};

/// Clicks of link 1, each a second after the one before, but for those of another link, a bot and a duplicate.
fn clicks() -> Vec<ClickFact> {
    let at = |seconds: i64| NOON.plus_ms(seconds * 1_000);
    vec![
        click(0, at(0)),
        click(1, at(5)),
        visited(2, at(2), LinkId(2), Visit::Person),
        visited(3, at(3), LinkId(1), Visit::Bot),
        ClickFact { outcome: Outcome::Duplicate, ..click(4, at(4)) },
        ClickFact { outcome: Outcome::Refused, ..click(5, at(5)) },
        click(6, at(1)),
        click(7, at(5)),
    ]
}

fn facts_of(clicks: Vec<ClickFact>) -> Vec<Fact> {
    clicks.into_iter().map(clicked).collect()
}

#[tokio::test]
async fn counted_clicks_of_a_link_by_time_and_place_in_the_log() {
    for place in Place::all() {
        let facts = place.open().await;
        facts.insert(block(0, 8, facts_of(clicks()))).await.unwrap();
        let facts = place.reopen(facts).await;
        let offsets = |touches: &[Touch]| touches.iter().map(|touch| touch.position.offset).collect::<Vec<_>>();
        for (name, from, until, before, wanted) in [
            ("all", 0, 10_000, 8, vec![0, 6, 1, 7]),
            ("the end is left out", 0, 5_000, 8, vec![0, 6]),
            ("the beginning is not", 1_000, 5_001, 8, vec![6, 1, 7]),
            ("what facts hold later is not looked at", 0, 10_000, 7, vec![0, 6, 1]),
            ("none", 6_000, 10_000, 8, vec![]),
        ] {
            let touches = facts.touches_of(LinkId(1), NOON.plus_ms(from), NOON.plus_ms(until), before).await.unwrap();
            assert_eq!(offsets(&touches), wanted, "{name}");
        }
        let touches = facts.touches_of(LinkId(1), NOON, NOON.plus_ms(1), 8).await.unwrap();
        let first = click(0, NOON);
        assert_eq!(
            touches,
            [Touch { receipt: first.receipt, event: first.event, position: first.position, at: first.at }]
        );
    }
}

#[tokio::test]
async fn of_very_many_clicks_the_newest_and_the_oldest() {
    for place in Place::all() {
        let facts = place.open().await;
        let many = u64::from(TOUCHES_OF_A_LINK) + 50;
        let clicks = (0..many).map(|offset| click(offset, NOON.plus_ms(offset.cast_signed()))).collect();
        facts.insert(block(0, many, facts_of(clicks))).await.unwrap();
        let touches = facts.touches_of(LinkId(1), TimeMs(0), NOON.plus_days(1), many).await.unwrap();
        let offsets: Vec<u64> = touches.iter().map(|touch| touch.position.offset).collect();
        assert_eq!(offsets[0], 0);
        assert_eq!(offsets[1..], (50..many).collect::<Vec<_>>());
        let just_fits =
            facts.touches_of(LinkId(1), TimeMs(0), NOON.plus_days(1), u64::from(TOUCHES_OF_A_LINK)).await.unwrap();
        assert_eq!(just_fits.len(), TOUCHES_OF_A_LINK as usize);
    }
}

#[tokio::test]
async fn people_and_bots_are_listed_newest_first() {
    for place in Place::all() {
        let facts = place.open().await;
        facts.insert(block(0, 8, facts_of(clicks()))).await.unwrap();
        let page = facts.link_clicks(LinkId(1), Page { number: 1, per_page: 3 }).await.unwrap();
        let listed: Vec<_> = page.rows.iter().map(|click| (click.at.since_ms(NOON), click.visit)).collect();
        assert_eq!(listed, [(5_000, Visit::Person), (5_000, Visit::Person), (3_000, Visit::Bot)]);
        assert_eq!(page.total, 5);
        let page = facts.link_clicks(LinkId(1), Page { number: 2, per_page: 3 }).await.unwrap();
        assert_eq!(page.rows.iter().map(|click| click.at.since_ms(NOON)).collect::<Vec<_>>(), [1_000, 0]);
        let newest = &page.rows[0];
        assert_eq!(newest.landing, WebPage { host: "shop.example".into(), path: "/pricing".into() });
        assert_eq!((newest.referrer_host.as_deref(), newest.device), (Some("twitter.com"), Device::Desktop));
        assert_eq!(facts.link_clicks(LinkId(9), Page::first(3)).await.unwrap().total, 0);
    }
}

#[tokio::test]
async fn first_and_last_of_every_link_of_a_partition() {
    for place in Place::all() {
        let facts = place.open().await;
        facts.insert(block(0, 8, facts_of(clicks()))).await.unwrap();
        let ends = |touches: rules::touches::Touches| {
            let mut ends: Vec<_> = touches
                .links
                .into_iter()
                .map(|(link, touch)| {
                    (link.0, touch.first.unwrap().position.offset, touch.last.unwrap().position.offset)
                })
                .collect();
            ends.sort_unstable();
            ends
        };
        for (partition, before, wanted) in
            [(0, 8, vec![(1, 0, 7), (2, 2, 2)]), (0, 7, vec![(1, 0, 1), (2, 2, 2)]), (0, 0, vec![]), (1, 8, vec![])]
        {
            assert_eq!(ends(facts.touches_before(partition, before).await.unwrap()), wanted, "{partition} {before}");
        }
    }
}

/// Clicks of three links, most of them in the order of their times, some minutes or hours late, in several blocks.
fn late_and_in_time() -> Vec<ClickFact> {
    let fact = |offset: u64| {
        let mixed = offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let late_ms = match mixed % 11 {
            0 => 4 * 3_600_000,
            1 => 90_000,
            _ => 0,
        };
        let at = NOON.plus_ms((offset / 3).cast_signed() * 700 - late_ms);
        let visit = if mixed.is_multiple_of(7) { Visit::Bot } else { Visit::Person };
        let refused = ClickFact { outcome: Outcome::Refused, ..visited(offset, at, LinkId(mixed % 3), visit) };
        if mixed.is_multiple_of(13) { refused } else { visited(offset, at, LinkId(mixed % 3), visit) }
    };
    (0..1_500).map(fact).collect()
}

#[tokio::test]
async fn late_clicks_stand_where_their_time_is() {
    for place in Place::all() {
        let facts = place.open().await;
        let clicks = late_and_in_time();
        for (from, part) in (0..).step_by(400).zip(clicks.chunks(400)) {
            let to = from + part.len() as u64;
            facts.insert(block(from, to, facts_of(part.to_vec()))).await.unwrap();
        }
        let listed = |bots: bool| {
            let mut listed: Vec<&ClickFact> = clicks
                .iter()
                .filter(|click| click.link == LinkId(1))
                .filter(|click| click.outcome == Outcome::Counted || (bots && click.outcome == Outcome::Bot))
                .collect();
            listed.sort_by_key(|click| (click.at, click.position.offset));
            listed
        };
        for (from, until, before) in [
            (NOON.plus_days(0), NOON.plus_ms(60_000), 1_500),
            (NOON.plus_ms(-90_000), NOON.plus_ms(30_000), 1_100),
            (NOON.plus_ms(-4 * 3_600_000), NOON.plus_days(1), 1_500),
            (NOON.plus_ms(-4 * 3_600_000), NOON.plus_ms(-3 * 3_600_000), 900),
            (NOON.plus_ms(200_000), NOON.plus_ms(201_000), 1_500),
        ] {
            let in_time = |click: &ClickFact| (from..until).contains(&click.at) && click.position.offset < before;
            let all: Vec<u64> =
                listed(false).into_iter().filter(|click| in_time(click)).map(|click| click.position.offset).collect();
            let newest = all.len().saturating_sub(TOUCHES_OF_A_LINK as usize);
            let mut wanted = all[newest..].to_vec();
            wanted.splice(0..0, all[..newest.min(1)].iter().copied());
            let touches = facts.touches_of(LinkId(1), from, until, before).await.unwrap();
            let offsets: Vec<u64> = touches.iter().map(|touch| touch.position.offset).collect();
            assert_eq!(offsets, wanted, "{from:?} {until:?} {before}");
        }
        let newest_first: Vec<_> = listed(true).into_iter().rev().map(|click| click.at).collect();
        for (number, per_page) in [(1, 7), (2, 100), (9, 50), (40, 11), (1, 1_000), (99, 10)] {
            let page = facts.link_clicks(LinkId(1), Page { number, per_page }).await.unwrap();
            let skipped = ((number - 1) * per_page) as usize;
            let wanted: Vec<_> = newest_first.iter().skip(skipped).take(per_page as usize).copied().collect();
            assert_eq!(page.rows.iter().map(|click| click.at).collect::<Vec<_>>(), wanted, "{number} of {per_page}");
            assert_eq!(page.total, newest_first.len() as u64);
        }
    }
}
