//! Whether an answer is the right one, as far as it can be said when it comes.

use serde_json::{Value, json};

use crate::http::Reply;
use crate::journal::{Journal, Sent};
use crate::stream::{Due, Review};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Done,
    /// Not now: overload, an outage, nothing decided yet, or no answer at all.
    Later,
    /// An edge may not have heard yet of what was just made.
    NotKnownYet,
    Wrong,
}

/// What is right.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) due: Due,
    /// It was sent before on purpose.
    pub(super) again: bool,
    /// A click that it is won by may come later.
    pub(super) late: bool,
}

pub(super) fn click(sent: &mut Sent, reply: Option<&Reply>) -> Judged {
    sent.tries += 1;
    let Some(reply) = reply else { return Judged::Later };
    match reply.status {
        200 => {
            let data = reply.data();
            let Some(receipt) = data["clickId"].as_str() else { return Judged::Wrong };
            sent.acknowledged += 1;
            sent.receipts.push(receipt.to_owned());
            if data["tracked"] == true { Judged::Done } else { Judged::Wrong }
        }
        _ => refused(reply.status),
    }
}

pub(super) fn sale(journal: &mut Journal, lane: usize, order: &str, wanted: Wanted, reply: Option<&Reply>) -> Judged {
    let Wanted { due, again, late } = wanted;
    let sent = super::sent(&mut journal.orders, lane, order);
    sent.tries += 1;
    let is_first = sent.tries == 1;
    let Some(reply) = reply else { return Judged::Later };
    let (id, right) = match reply.status {
        200 => (reply.data()["conversionId"].clone(), !again && is_decision(due, late, &reply.data())),
        202 => (reply.data()["conversionId"].clone(), true),
        409 => (reply.json()["error"]["conversionId"].clone(), again || !is_first),
        status => return refused(status),
    };
    if reply.status != 409 {
        sent.acknowledged += 1;
    }
    sent.decided |= reply.status != 202;
    match id.as_str() {
        Some(id) => journal.named(order, id),
        None => return Judged::Wrong,
    }
    if right { Judged::Done } else { Judged::Wrong }
}

/// Refunds and reviews come later, so the decision is about the whole sale.
fn is_decision(due: Due, late: bool, data: &Value) -> bool {
    let due = due.after(0);
    if late && data["outcome"] == json!("unattributed") {
        return true;
    }
    let outcome = if due.attributed { "attributed" } else { "unattributed" };
    let status = match (due.attributed, due.review) {
        (false, _) => "rejected",
        (true, Review::NotNeeded) => "approved",
        (true, _) => "pending",
    };
    data["outcome"] == json!(outcome)
        && data["status"] == json!(status)
        && data["commissionAmount"] == json!(due.commission_minor())
        && data["affiliatePayout"] == json!(due.partner_minor())
}

pub(super) fn refund(sent: &mut Sent, wanted: Wanted, reply: Option<&Reply>) -> Judged {
    let Wanted { due, again, late } = wanted;
    sent.tries += 1;
    let is_first = sent.tries == 1;
    let Some(reply) = reply else { return Judged::Later };
    match reply.status {
        200 => {
            sent.acknowledged += 1;
            let data = reply.data();
            let earns =
                late || due.review == Review::Rejected || data["commissionAmount"] == json!(due.commission_minor());
            let right = !again && earns && data["refundedAmount"] == json!(due.refunded_minor);
            if right { Judged::Done } else { Judged::Wrong }
        }
        409 if again || !is_first => Judged::Done,
        409 => Judged::Wrong,
        status => refused(status),
    }
}

pub(super) fn review(sent: &mut Sent, approve: bool, late: bool, reply: Option<&Reply>) -> Judged {
    sent.tries += 1;
    let is_first = sent.tries == 1;
    let Some(reply) = reply else { return Judged::Later };
    match reply.status {
        200 => {
            sent.acknowledged += 1;
            let status = if approve { "approved" } else { "rejected" };
            if reply.data()["status"] == json!(status) { Judged::Done } else { Judged::Wrong }
        }
        409 if !is_first => Judged::Done,
        // Nobody won it yet, so there is nothing to look at.
        400 | 409 if late => Judged::Later,
        status => refused(status),
    }
}

fn refused(status: u16) -> Judged {
    match status {
        429 | 503 => Judged::Later,
        401 | 404 => Judged::NotKnownYet,
        _ => Judged::Wrong,
    }
}
