//! What of a click the embedded facts show to whoever asks the file itself: rows hold numbers and leave out what follows from the rest.

use rusqlite::Connection;
use schemas::{
    CompactString,
    facts::ClickFact,
    ids::{LinkId, PartnerId, Position},
    receipt::Visit,
    time::{DAY_MS, TimeMs},
    web::{Device, Page, Utm},
};
use stores::facts::{Block, Facts};

use crate::place::{NOON, Place, block, click, clicked, visited};

/// Texts that come once, often, not at all, or look like the number that a row has in a text's place.
fn clicks() -> Vec<ClickFact> {
    let texts = ["7", "1", "news", "", "2", "news", "1e2", "Ü", "news", "1"];
    let times = [0, -1, DAY_MS - 1, -DAY_MS, 3 * DAY_MS + 3_600_000, i64::from(i32::MAX)];
    let fact = |offset: u64| {
        let text = |nth: usize| {
            let text = texts[(offset as usize + nth) % texts.len()];
            Some(CompactString::from(text)).filter(|text| !text.is_empty())
        };
        let at = if offset.is_multiple_of(2) { NOON } else { TimeMs(0) };
        let at = at.plus_ms(times[offset as usize % times.len()]);
        ClickFact {
            partner: PartnerId(u64::MAX - offset % 3),
            landing: Page {
                host: text(0).unwrap_or_default(),
                path: format!("/{}", text(1).unwrap_or_default()).into(),
            },
            referrer_host: text(2),
            utm: Utm { source: text(3).filter(|_| !offset.is_multiple_of(3)), medium: text(4), campaign: text(5) },
            device: Device::ALL[offset as usize % Device::ALL.len()],
            ..visited(offset, at, LinkId(offset % 4), if offset.is_multiple_of(5) { Visit::Bot } else { Visit::Person })
        }
    };
    (0..60).map(fact).collect()
}

/// Blocks of ten, so that texts are known from earlier ones.
async fn insert(facts: &Facts, clicks: &[ClickFact]) {
    for (from, clicks) in (0..).step_by(10).zip(clicks.chunks(10)) {
        facts.insert(block(from, from + 10, clicks.iter().cloned().map(clicked).collect())).await.unwrap();
    }
}

#[tokio::test]
async fn a_row_says_what_its_click_is() {
    let place = Place::all().into_iter().find(|place| place.folder().is_some()).unwrap();
    let facts = place.open().await;
    let clicks = clicks();
    insert(&facts, &clicks).await;
    let elsewhere = ClickFact { position: Position { partition: 3, offset: 0 }, ..click(0, NOON) };
    facts.insert(Block { partition: 3, ..block(0, 1, vec![clicked(elsewhere.clone())]) }).await.unwrap();
    assert_eq!(facts.read(0, 0, 60).await.unwrap(), clicks.iter().cloned().map(clicked).collect::<Vec<_>>());
    let beside = Connection::open(place.folder().unwrap().join("facts.db")).unwrap();
    for click in clicks.iter().chain([&elsewhere]) {
        let day = click.at.day();
        let wanted = [
            day.0.to_string(),
            (click.at.since_ms(day.start()) / 3_600_000).to_string(),
            day.weekday().to_string(),
            click.source().to_owned(),
            click.device.as_str().to_owned(),
            click.landing.host.to_string(),
            click.utm.campaign.as_deref().unwrap_or_default().to_owned(),
            click.partner.0.cast_signed().to_string(),
        ];
        let row = beside.query_row(
            "SELECT day || '', hour || '', weekday || '', source, device, landing_host, coalesce(utm_campaign, ''), partner || ''
             FROM clicks WHERE partition = ?1 AND log_offset = ?2",
            (click.position.partition, click.position.offset.cast_signed()),
            |row| (0..8).map(|column| row.get(column)).collect::<rusqlite::Result<Vec<String>>>(),
        );
        assert_eq!(row.unwrap(), wanted, "{click:?}");
    }
}

#[tokio::test]
async fn a_text_that_comes_often_stands_there_once() {
    let place = Place::all().into_iter().find(|place| place.folder().is_some()).unwrap();
    let facts = place.open().await;
    insert(&facts, &clicks()).await;
    let beside = Connection::open(place.folder().unwrap().join("facts.db")).unwrap();
    let count = |select: &str| beside.query_row(select, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM words WHERE word = 'news'"), 1);
    assert_eq!(count("SELECT count(*) FROM click_rows WHERE landing_host = 'news' OR utm_medium = 'news'"), 0);
    assert!(count("SELECT count(*) FROM clicks WHERE landing_host = 'news'") >= 18);
    let once = ClickFact { landing: Page { host: "once.example".into(), path: "/".into() }, ..click(60, NOON) };
    facts.insert(block(60, 61, vec![clicked(once)])).await.unwrap();
    assert_eq!(count("SELECT count(*) FROM words WHERE word = 'once.example'"), 0);
    assert_eq!(count("SELECT count(*) FROM clicks WHERE landing_host = 'once.example'"), 1);
}
