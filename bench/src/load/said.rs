//! What an answer says of the events that were asked for.

use std::{borrow::Cow, collections::BTreeMap};

use memchr::memmem::Finder;
use serde::Deserialize;

use super::{
    answer::Answer,
    ask::{Kind, Sent},
    stream::value_minor,
};
use crate::audit::acknowledged::{Decided, Order, number, signature};

const RECEIPT_CHARS: usize = super::world::RECEIPT_CHARS;

/// Finds click ids without reading the JSON around them: an answer is looked through once and nothing is allocated.
pub(crate) struct Reader {
    click_id: Finder<'static>,
    in_redirect: Finder<'static>,
    not_tracked: Finder<'static>,
    results: Finder<'static>,
}

/// What of a request is kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// So many of its events.
    Taken(u32),
    Order(Order),
    /// Of a batch: those that were taken.
    Orders(Vec<Order>),
    /// Of this conversion.
    Refund(u128),
    /// The order was there before.
    Known,
    /// It may be kept, and nobody can say which it is.
    Unsure,
    Nothing,
}

impl Reader {
    pub(crate) fn new() -> Reader {
        Reader {
            click_id: Finder::new("\"clickId\":\""),
            in_redirect: Finder::new("rm_click="),
            not_tracked: Finder::new("\"tracked\":false"),
            results: Finder::new("\"results\":"),
        }
    }

    /// Signatures of clicks are added to `clicks`.
    pub(crate) fn read(&self, sent: &Sent, answer: &Answer<'_>, clicks: &mut Vec<u64>) -> Said {
        let body = &*answer.body;
        match (sent.kind, answer.status) {
            (Kind::Click, 200..=299) if sent.events == 1 => {
                if self.not_tracked.find(body).is_some() {
                    return Said::Nothing;
                }
                clicks.extend(
                    self.click_id.find(body).and_then(|at| receipt(&body[at + self.click_id.needle().len()..])),
                );
                Said::Taken(1)
            }
            (Kind::Click, 300..=399) => match answer.location.and_then(|location| self.redirected(location)) {
                Some(signature) => {
                    clicks.push(signature);
                    Said::Taken(1)
                }
                None => Said::Unsure,
            },
            (Kind::Click | Kind::Order, 200..=299) if sent.events > 1 => self.batch(sent, body, clicks),
            (Kind::Order, 200..=299) => order(sent, body).map_or(Said::Taken(1), Said::Order),
            (Kind::Order, 409) => Said::Known,
            (Kind::Refund, 200) => refund(body).map_or(Said::Nothing, Said::Refund),
            _ => Said::Nothing,
        }
    }

    fn redirected(&self, location: &[u8]) -> Option<u64> {
        let at = self.in_redirect.find(location)? + self.in_redirect.needle().len();
        receipt(&location[at..])
    }

    /// Whoever does not answer one by one has taken all.
    fn batch(&self, sent: &Sent, body: &[u8], clicks: &mut Vec<u64>) -> Said {
        if self.results.find(body).is_none() {
            return Said::Taken(sent.events);
        }
        if sent.kind == Kind::Order {
            return Said::Orders(orders(sent, body).unwrap_or_default());
        }
        let mut taken = 0;
        for at in self.click_id.find_iter(body) {
            taken += 1;
            clicks.extend(receipt(&body[at + self.click_id.needle().len()..]));
        }
        Said::Taken(taken)
    }
}

/// By status, the events of a batch that were not taken.
pub(crate) fn refused(body: &[u8]) -> BTreeMap<u16, u64> {
    let mut refused = BTreeMap::new();
    let results = serde_json::from_slice::<Envelope<Results<'_>>>(body);
    for line in results.into_iter().flat_map(|envelope| envelope.data.results) {
        let is_taken = line.data.is_some_and(|data| data.click_id.is_some() || data.conversion_id.is_some());
        if !is_taken {
            *refused.entry(line.status).or_default() += 1;
        }
    }
    refused
}

/// The signature of the receipt that a text begins with.
fn receipt(text: &[u8]) -> Option<u64> {
    signature(text.get(..RECEIPT_CHARS)?)
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken<'a> {
    #[serde(borrow)]
    click_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    conversion_id: Option<Cow<'a, str>>,
    commission_amount: Option<i64>,
    affiliate_payout: Option<i64>,
    #[serde(borrow)]
    outcome: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    results: Vec<Line<'a>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    status: u16,
    #[serde(borrow)]
    data: Option<Taken<'a>>,
}

#[derive(Deserialize)]
struct Refunded<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

fn order(sent: &Sent, body: &[u8]) -> Option<Order> {
    let Envelope { data } = serde_json::from_slice::<Envelope<Taken<'_>>>(body).ok()?;
    decided(&data, sent.event)
}

fn orders(sent: &Sent, body: &[u8]) -> Option<Vec<Order>> {
    let Envelope { data } = serde_json::from_slice::<Envelope<Results<'_>>>(body).ok()?;
    let lines = (sent.event..).zip(&data.results);
    Some(lines.filter_map(|(index, line)| decided(line.data.as_ref()?, index)).collect())
}

fn decided(data: &Taken<'_>, index: u64) -> Option<Order> {
    let decided = |outcome: &str| {
        let (commission_minor, partner_minor) = (data.commission_amount?, data.affiliate_payout?);
        Some(Decided { attributed: outcome == "attributed", commission_minor, partner_minor })
    };
    Some(Order {
        id: number(data.conversion_id.as_deref()?)?,
        value_minor: i64::try_from(value_minor(index)).ok()?,
        decided: data.outcome.as_deref().and_then(decided),
    })
}

fn refund(body: &[u8]) -> Option<u128> {
    let Envelope { data } = serde_json::from_slice::<Envelope<Refunded<'_>>>(body).ok()?;
    number(&data.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::ask::{Deserved, Visit};

    const RECEIPT: &str = "QAABme6_lDAAAAAAAAAAAQAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    const CONVERSION: &str = "conv_0000000000000000000000000g";

    fn check(kind: Kind, events: u32, status: u16, body: &str, wanted: &Said, signatures: usize) {
        let deserves = Deserved::Taken;
        let sent = Sent { kind, events, deserves, event: 0, visit: Visit::Person, repeat: false };
        let location = body.starts_with("https:").then_some(body.as_bytes());
        let answer = Answer { status, location, body: body.as_bytes().into(), closes: false };
        let mut clicks = Vec::new();
        let said = Reader::new().read(&sent, &answer, &mut clicks);
        assert_eq!((&said, clicks.len()), (wanted, signatures), "{kind:?} {status} {body}");
        assert!(clicks.iter().all(|click| *click == 0x1011_1213_1415_1617), "{clicks:x?}");
    }

    #[test]
    fn what_was_taken_is_read_from_the_answer() {
        let tracked = format!(r#"{{"success":true,"data":{{"tracked":true,"clickId":"{RECEIPT}"}}}}"#);
        check(Kind::Click, 1, 200, &tracked, &Said::Taken(1), 1);
        check(Kind::Click, 1, 204, "", &Said::Taken(1), 0);
        check(Kind::Click, 1, 200, r#"{"success":true,"data":{"tracked":false}}"#, &Said::Nothing, 0);
        check(Kind::Click, 1, 503, &tracked, &Said::Nothing, 0);
        check(Kind::Click, 1, 302, &format!("https://shop.example/?ref=a&rm_click={RECEIPT}"), &Said::Taken(1), 1);
        check(Kind::Click, 1, 302, "https://shop.example/?ref=a", &Said::Unsure, 0);
        let line = format!(r#"{{"status":200,"data":{{"clickId":"{RECEIPT}","tracked":true}}}}"#);
        let results = format!(r#"{{"data":{{"results":[{line},{{"status":404,"error":{{}}}}]}}}}"#);
        check(Kind::Click, 2, 200, &results, &Said::Taken(1), 1);
        assert_eq!(refused(results.as_bytes()), BTreeMap::from([(404, 1)]));
        check(Kind::Click, 2, 202, "", &Said::Taken(2), 0);
        check(Kind::Click, 100, 204, "", &Said::Taken(100), 0);
    }

    #[test]
    fn what_was_decided_is_read_from_the_answer() {
        let order = |index, decided| Order { id: 4, value_minor: value_minor(index) as i64, decided };
        let body = |id: &str, rest: &str| format!(r#"{{"data":{{"{id}":"{CONVERSION}"{rest}}}}}"#);
        let decided = r#","commissionAmount":90,"affiliatePayout":72,"status":"approved","outcome":"attributed""#;
        let attributed = Decided { attributed: true, commission_minor: 90, partner_minor: 72 };
        let of_one = |decided| Said::Order(order(0, decided));
        check(Kind::Order, 1, 200, &body("conversionId", decided), &of_one(Some(attributed)), 0);
        let decided = r#","commissionAmount":0,"affiliatePayout":0,"status":"rejected","outcome":"unattributed""#;
        let unattributed = Decided { attributed: false, commission_minor: 0, partner_minor: 0 };
        check(Kind::Order, 1, 200, &body("conversionId", decided), &of_one(Some(unattributed)), 0);
        check(Kind::Order, 1, 202, &body("conversionId", r#","status":"processing""#), &of_one(None), 0);
        check(Kind::Order, 1, 409, "{}", &Said::Known, 0);
        check(Kind::Order, 1, 200, "{}", &Said::Taken(1), 0);
        let line = format!(r#"{{"status":202,"data":{{"conversionId":"{CONVERSION}","status":"processing"}}}}"#);
        let results = format!(r#"{{"data":{{"results":[{{"status":429,"error":{{}}}},{line}]}}}}"#);
        check(Kind::Order, 2, 200, &results, &Said::Orders(vec![order(1, None)]), 0);
        check(Kind::Refund, 1, 200, &body("id", r#","refundedAmount":9"#), &Said::Refund(4), 0);
        check(Kind::Refund, 1, 503, "{}", &Said::Nothing, 0);
    }
}
