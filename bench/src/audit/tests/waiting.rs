use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

use super::{
    DAY, DAY_BEFORE, answers,
    books::{AT_MS, good, old},
    places::Place,
};
use crate::audit::{Acknowledged, Counts, Places, Settled, acknowledged::Kind, settled};

/// How long after the last answer what was acknowledged is decided, and how long after that it is in facts.
const DECIDED_AFTER: Duration = Duration::from_secs(2);
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// A set in which all is known for sure: what came of it can be waited for.
fn sure() -> (super::Books, Acknowledged) {
    let (mut books, mut acknowledged) = good();
    let clicks = acknowledged.told.get_mut(&Kind::Click).expect("clicks");
    (clicks.sent, clicks.unsure) = (7, 0);
    books.clicks.pop();
    books.outcomes[0].3 -= 1;
    (books, acknowledged)
}

fn place(place: &Place) -> Places {
    let Place::Embedded(folder) = place else { panic!("one process") };
    Places { sqlite: Some(folder.path().to_owned()), ..Places::default() }
}

fn stage<'a>(settled: &'a Settled, name: &str) -> &'a crate::record::Stage {
    settled.stages.iter().find(|stage| stage.name == name).unwrap_or_else(|| panic!("{name}: {settled:?}"))
}

/// So long before the log took the last event.
fn due_before_the_last(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(AT_MS - ms).expect("after 1970"))
}

#[tokio::test(start_paused = true)]
async fn each_stage_is_noted_when_it_is_reached() {
    let (stores, (books, acknowledged)) = (Place::embedded(), sure());
    stores.write(&old(), DAY_BEFORE).await;
    let (places, before) = (place(&stores), Counts::now(&place(&stores)).await.expect("counts"));
    let arriving = async {
        sleep(DECIDED_AFTER).await;
        stores.write(&books.clone().planned(5), DAY).await;
        sleep(SHOWN_AFTER).await;
        stores.plan_all().await;
    };
    let answers = answers();
    let (settled, ()) =
        tokio::join!(settled(&places, &before, &acknowledged, &answers, due_before_the_last(400)), arriving);
    let settled = settled.expect("it settles");
    let near = |name: &str, after: Duration| {
        let after_us = u64::try_from(after.as_micros()).expect("µs") + answers.took_us;
        let stage = stage(&settled, name);
        assert!((after_us..after_us + 250_000).contains(&stage.after_us), "{name}: {settled:?}");
        assert_eq!(stage.events, 10, "{name}: {settled:?}");
    };
    let enqueued = stage(&settled, "enqueued");
    assert_eq!(
        (enqueued.events, enqueued.after_us),
        (10, 401_000),
        "by the log's stamp of the last, not the tick's: {settled:?}"
    );
    near("acknowledged", Duration::ZERO);
    near("posted", DECIDED_AFTER);
    near("queryable", DECIDED_AFTER + SHOWN_AFTER);
    assert_eq!((settled.behind, settled.waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_is_not_waited_for_for_ever_and_is_said() {
    let (stores, (books, acknowledged)) = (Place::embedded(), sure());
    stores.write(&old(), DAY_BEFORE).await;
    let (places, before) = (place(&stores), Counts::now(&place(&stores)).await.expect("counts"));
    stores.write(&books.planned(5), DAY).await;
    let began = Instant::now();
    let settled =
        settled(&places, &before, &acknowledged, &answers(), due_before_the_last(60_000)).await.expect("it gives up");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!((settled.behind, settled.stages.len()), (5, 3), "{settled:?}");
    assert!(settled.stages.iter().all(|stage| stage.name != "queryable"), "{settled:?}");
    assert_eq!(
        stage(&settled, "enqueued").after_us,
        1_000_000,
        "at the latest when it was answered, whatever a clock says"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_decided_has_no_stamp() {
    let (stores, (books, mut acknowledged)) = (Place::embedded(), sure());
    stores.write(&old(), DAY_BEFORE).await;
    let (places, before) = (place(&stores), Counts::now(&place(&stores)).await.expect("counts"));
    stores.write(&books, DAY).await;
    acknowledged.told.get_mut(&Kind::Click).expect("clicks").sent += 1;
    let settled = settled(&places, &before, &acknowledged, &answers(), due_before_the_last(400)).await;
    let settled = settled.expect("it gives up");
    let enqueued = stage(&settled, "enqueued");
    assert_eq!((enqueued.events, enqueued.after_us), (11, 1_000_000), "one is only known to be answered: {settled:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_not_claimed() {
    let (_, acknowledged) = sure();
    let places = Places::default();
    let before = Counts::now(&places).await.expect("nothing");
    let settled = settled(&places, &before, &acknowledged, &answers(), due_before_the_last(0))
        .await
        .expect("nothing to wait for");
    assert_eq!(stage(&settled, "acknowledged").events, 10);
    assert_eq!(settled.stages.len(), 1, "{settled:?}");
    let lines = crate::audit::recount(&places, &before, &acknowledged, &answers(), &settled).await.expect("no lines");
    assert_eq!(lines, []);
}
