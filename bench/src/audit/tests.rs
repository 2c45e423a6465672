//! A good set passes, and every damage to it is caught by the line that is about it: in both shapes.

mod books;
mod places;
mod rows;
mod waiting;

use serde_json::json;

use books::{Books, Change, Click, DAY, click, good, kept, old};
use places::Place;

use super::{Acknowledged, Counts, Found, counts::code, recount_in, settled::Settled};
use crate::record::{Answers, AuditLine};

/// What goes wrong, and the line that says so.
struct Damage {
    what: &'static str,
    said: &'static str,
    done: fn(&mut Books, &mut Acknowledged),
}

const DAMAGES: [Damage; 32] = [
    Damage {
        what: "a click is missing",
        said: "clicks acknowledged: once in facts",
        done: |books, _| without(&mut books.clicks, 1),
    },
    Damage {
        what: "a click is there twice",
        said: "clicks acknowledged: once in facts",
        done: |books, _| books.clicks.push(Click { offset: 19, ..books.clicks[1].clone() }),
    },
    Damage {
        what: "an event is there twice under other signatures",
        said: "clicks in facts again under the same event",
        done: |books, _| books.clicks[1].event = books.clicks[0].event,
    },
    Damage {
        what: "clicks that nobody sent",
        said: "clicks in facts that were not acknowledged",
        done: |books, _| books.clicks.extend([click(17, code::COUNTED), click(18, code::COUNTED)]),
    },
    Damage {
        what: "another click in place of one",
        said: "clicks acknowledged: once in facts",
        done: |books, _| books.clicks[2].signature += 1,
    },
    Damage {
        what: "a row with another outcome than was counted",
        said: "clicks counted: rows in facts",
        done: |books, _| books.clicks[0].outcome = code::DUPLICATE,
    },
    Damage {
        what: "a row of another company",
        said: "outcomes, by company, that are not as many as their rows",
        done: |books, _| books.clicks[0].company = books::OTHER_COMPANY,
    },
    Damage {
        what: "clicks are not counted",
        said: "clicks acknowledged: decided",
        done: |books, _| books.outcomes[0].3 -= 2,
    },
    Damage {
        what: "an outcome is not counted",
        said: "clicks sent: outcomes, and what edges refused",
        done: |books, _| books.outcomes[0].3 -= 2,
    },
    Damage {
        what: "an outcome is counted twice",
        said: "clicks acknowledged: decided",
        done: |books, _| books.outcomes[0].3 += 2,
    },
    Damage {
        what: "what an edge refused is not counted",
        said: "clicks refused: counted as refused",
        done: |books, _| books.outcomes[4].3 -= 1,
    },
    Damage {
        what: "a bot's click counts as a person's",
        said: "clicks of bots: bots'",
        done: |books, _| {
            books.clicks[3].outcome = code::COUNTED;
            books.outcomes[2].2 = code::REFUSED;
        },
    },
    Damage {
        what: "a repeat counts",
        said: "clicks repeated: duplicates",
        done: |books, _| books.outcomes[3].2 = code::REFUSED,
    },
    Damage {
        what: "an order has no outcome",
        said: "orders sent: outcomes, and what edges refused",
        done: |books, _| books.outcomes[5].3 -= 1,
    },
    Damage {
        what: "an order is missing",
        said: "orders acknowledged: in the ledger",
        done: |books, _| books.orders.truncate(2),
    },
    Damage {
        what: "an order that nobody sent",
        said: "orders in the ledger that were not acknowledged",
        done: |books, _| books.orders.push(kept(104, 27, 1, 0, [0; 3])),
    },
    Damage {
        what: "an order of another value",
        said: "orders worth something else than was sent and answered",
        done: |books, _| books.orders[1].amount_minor += 1,
    },
    Damage {
        what: "another commission than was answered",
        said: "orders worth something else than was sent and answered",
        done: |_, acknowledged| {
            acknowledged.orders[0].decided = acknowledged.orders[0].decided.map(|mut decided| {
                decided.commission_minor += 1;
                decided
            });
        },
    },
    Damage {
        what: "an order is missing in facts",
        said: "orders acknowledged that earn: once in facts",
        done: |books, _| without(&mut books.shown, 1),
    },
    Damage {
        what: "an order is in facts twice",
        said: "orders acknowledged that earn: once in facts",
        done: |books, _| books.shown.push(Change { offset: 26, ..books.shown[1].clone() }),
    },
    Damage {
        what: "a refund is missing in facts",
        said: "changes of orders in the ledger: once in facts",
        done: |books, _| books.shown.truncate(2),
    },
    Damage {
        what: "facts have another commission",
        said: "changes of orders in facts and not in the ledger",
        done: |books, _| books.shown[0].by[2] += 1,
    },
    Damage {
        what: "a refund is missing",
        said: "refunds acknowledged: in the ledger",
        done: |books, _| books.refunds.clear(),
    },
    Damage {
        what: "a refund under another order",
        said: "refunds acknowledged: in the ledger",
        done: |books, _| books.refunds[0].0 = 102,
    },
    Damage {
        what: "a refund is counted twice",
        said: "outcomes, by company, that are not as many as their rows",
        done: |books, _| books.refunds.push((102, "refund-2")),
    },
    Damage {
        what: "a balance is off by one",
        said: "accounts whose balance is not what their transfers add up to",
        done: |books, _| books.balances[0].3 += 1,
    },
    Damage {
        what: "balances do not come to nothing",
        said: "currencies in which all balances do not come to nothing",
        done: |books, _| books.balances[1].3 += 1,
    },
    Damage {
        what: "a transfer is missing",
        said: "orders whose transfers are not what they earn",
        done: |books, _| books.transfers.truncate(5),
    },
    Damage {
        what: "a transfer of no order",
        said: "transfers of orders that are not there",
        done: |books, _| books.transfers[0].order = 999,
    },
    Damage {
        what: "a partner's total is off",
        said: "counts of orders, by status and by partner, that are not what is there",
        done: |books, _| books.partner_total[1] += 1,
    },
    Damage {
        what: "sums of clicks are off",
        said: "clicks in facts: in clicks_by_day",
        done: |books, _| books.sums_off[0] = 1,
    },
    Damage {
        what: "sums of sales are off",
        said: "commission in facts: in sales_by_day",
        done: |books, _| books.sums_off[1] = 1,
    },
];

fn without<T>(rows: &mut Vec<T>, at: usize) {
    rows.remove(at);
}

/// The day before: what stood there is no part of the load.
const DAY_BEFORE: u32 = DAY - 1;

async fn lines(place: &Place, at: u64, books: Books, acknowledged: &Acknowledged) -> Vec<AuditLine> {
    place.write(&old().later(at), DAY_BEFORE).await;
    let before = Counts::read(&place.stores().await).await.expect("counts");
    place.write(&books.later(at), DAY).await;
    counted_again(place, &before, acknowledged).await
}

async fn counted_again(place: &Place, before: &Counts, acknowledged: &Acknowledged) -> Vec<AuditLine> {
    let mut found = Found::default();
    let (stores, settled) = (place.stores().await, Settled::default());
    let told = recount_in(&stores, before, acknowledged, &answers(), &settled, &mut found).await;
    told.unwrap_or_else(|error| panic!("{error:#}"));
    found.0
}

/// Of a log's offsets each set has so many.
const OFFSETS: u64 = 100;

async fn check(mut place: Place) {
    place = place.anew().await;
    let (books, acknowledged) = good();
    let all = lines(&place, 0, books, &acknowledged).await;
    let broken: Vec<&AuditLine> = all.iter().filter(|line| !line.holds()).collect();
    assert!(broken.is_empty() && all.len() > 30, "{broken:#?} of {}", all.len());
    for (nth, Damage { what, said, done }) in (1..).zip(&DAMAGES) {
        place = place.anew().await;
        let (mut books, mut acknowledged) = good();
        done(&mut books, &mut acknowledged);
        let all = lines(&place, nth * OFFSETS, books, &acknowledged).await;
        let (right, broken): (Vec<&AuditLine>, Vec<&AuditLine>) = all.iter().partition(|line| line.holds());
        assert!(broken.iter().any(|line| line.what == *said), "{what}: {broken:#?}");
        assert!(right.len() > broken.len(), "{what}: {broken:#?}");
    }
    place.end().await;
}

#[tokio::test]
async fn a_good_set_passes_and_every_damage_to_it_is_caught_in_one_process() {
    check(Place::embedded()).await;
}

#[tokio::test]
async fn a_good_set_passes_and_every_damage_to_it_is_caught_on_servers() {
    check(Place::servers().await).await;
}

/// A block that was inserted again after its token was forgotten: with FINAL nobody would see it.
#[tokio::test]
async fn a_row_that_a_merge_would_drop_is_caught() {
    let place = Place::servers().await.anew().await;
    let (books, acknowledged) = good();
    place.write(&old(), DAY_BEFORE).await;
    let before = Counts::read(&place.stores().await).await.expect("counts");
    place.write(&books, DAY).await;
    place.insert_again(&books.clicks[0], DAY).await;
    let all = counted_again(&place, &before, &acknowledged).await;
    let broken: Vec<&AuditLine> = all.iter().filter(|line| !line.holds()).collect();
    let line = broken.iter().find(|line| line.what == "clicks in facts: rows with FINAL, and without");
    assert_eq!(line.map(|line| (line.expected, line.found)), Some((6, 7)), "{broken:#?}");
    assert!(broken.iter().any(|line| line.what == "clicks acknowledged: once in facts"), "{broken:#?}");
    place.end().await;
}

fn answers() -> Answers {
    let none = json!({ "count": 0, "points": [], "max_us": 0 });
    let answers = json!({
        "requests": 12, "events_sent": 14, "events_acknowledged": 10, "took_us": 1_000_000, "by_status": {}, "failed": 0,
        "first_failure": null, "latency": none, "lateness": none,
    });
    serde_json::from_value(answers).expect("answers")
}
