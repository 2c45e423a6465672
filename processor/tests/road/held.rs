//! A newer version has decided records and was taken back: this one does not know what they are.

use std::time::{Duration, Instant};

use processor::Stage;
use schemas::{conversion::Standing, ids::EventId, time::TimeMs, wire::encode_event};
use stores::ledger::{Batch, Plan, Versions};

use crate::{place::Place, road::Road};

/// An event's field that says which version must know it, as that version writes it.
const VERSION_1: [u8; 2] = [7 << 3, 1];

/// Each is met by another step of taking a partition.
const MET: [MetBy; 3] = [MetBy::TheLastRecord, MetBy::Touches, MetBy::Facts];
const BESIDE: u32 = 3;

/// An owner that stands still lets go at once; who does not let go is waited for for 8 s.
const LETS_GO_WITHIN: Duration = Duration::from_secs(7);

/// Who reads the record again before anything is decided, or beside that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MetBy {
    TheLastRecord,
    Touches,
    Facts,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_decided_holds_its_partition_alone_until_that_version_took_it() {
    let place = Place::around(BESIDE + 1);
    let mut road = place.still().await;
    for (partition, met) in (0..).zip(MET) {
        let newer = [encode_event(road.click_in(partition, place.noon)).as_slice(), &VERSION_1].concat();
        road.append_bytes(partition, newer).await;
        if met == MetBy::TheLastRecord {
            let decided = Decided { to: 1, last: EventId(7), saves: false, writes: false };
            decided.commit(&road, partition).await;
        } else {
            go_on(&road, &place, partition, met == MetBy::Facts, false).await;
        }
    }
    road.decide();
    for (partition, met) in (0..).zip(MET) {
        road.held(partition).await;
        eprintln!("{met:?} is held");
    }
    is_decided(&road, &place, BESIDE, "beside").await;
    assert_eq!(road.stage(BESIDE), Some(Stage::Deciding));
    let stopping = Instant::now();
    road.stop().await;
    assert!(stopping.elapsed() < LETS_GO_WITHIN, "{:?}", stopping.elapsed());

    // That version is started again, and is taken back once more: it leaves nothing behind that it alone knows.
    let mut road = place.still().await;
    for partition in 0..BESIDE {
        go_on(&road, &place, partition, true, true).await;
    }
    road.decide();
    for partition in 0..=BESIDE {
        is_decided(&road, &place, partition, "after").await;
    }
    road.stop().await;
}

async fn is_decided(road: &Road, place: &Place, partition: u32, order: &str) {
    road.append(road.click_in(partition, place.noon)).await;
    let sale = road.append(road.sale_in(partition, &format!("{order}-{partition}"))).await;
    road.decided(partition).await;
    assert_eq!(road.standing(sale).await, Standing::Attributed, "partition {partition}");
}

/// The newer version decides one more event, which any version can read.
async fn go_on(road: &Road, place: &Place, partition: u32, saves: bool, writes: bool) {
    let event = road.click_in(partition, place.noon);
    let last = event.id;
    road.append(event).await;
    let to = road.stores.log.span(partition).await.expect("the log answers").end;
    Decided { to, last, saves, writes }.commit(road, partition).await;
}

/// What the newer version commits, and whether it saves touches and writes facts before it ends.
struct Decided {
    to: u64,
    last: EventId,
    saves: bool,
    writes: bool,
}

impl Decided {
    async fn commit(&self, road: &Road, partition: u32) {
        let ledger = &road.stores.ledger;
        let taken = ledger.take(partition).await.expect("taken");
        let batch = Batch {
            partition,
            epoch: taken.epoch,
            from: taken.progress.next,
            to: self.to,
            last_event: Some(self.last),
            appended_at: TimeMs(0),
            effects: Vec::new(),
            relied_on: Versions::default(),
            quarantined: Vec::new(),
            plan: None,
            published: None,
        };
        ledger.commit(batch).await.expect("committed");
        if self.saves {
            let touches = road.stores.touches.as_ref().expect("there are touches");
            let nothing = rules::touches::Touches::default();
            touches.save_all(partition, taken.epoch, self.to, &nothing).await.expect("saved");
        }
        if self.writes {
            let mut plans = taken.open_plans;
            let rest = Plan { from: taken.progress.planned_up_to, to: self.to };
            ledger.plan(partition, taken.epoch, rest).await.expect("planned");
            plans.push(rest);
            for plan in plans {
                ledger.mark(partition, taken.epoch, plan).await.expect("marked");
            }
        }
    }
}
