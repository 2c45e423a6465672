//! Events that the API appends, and the decisions it waits for. Nothing is decided here.

use std::time::Duration;

use ingest::waiters::Waiting;
use schemas::{
    conversion::{Conversion, Standing},
    decision::{Answer, EventKind, Refusal},
    event::{Body, Event},
    ids::{CompanyId, ConversionId},
    wire::encode_event,
};
use stores::log::Class;
use tokio::time::{Instant, sleep_until, timeout};

use crate::{Api, auth::caller::CompanyCaller, error::ApiError};

/// How often the ledger is asked for a decision that another request waits for.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How long a request waits for the log. What is answered then may be recorded or not.
const APPEND_WAIT: Duration = Duration::from_secs(2);

/// Until when a request waits, whatever it waits for.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn of(api: &Api) -> Deadline {
        Deadline(Instant::now() + api.decision_wait)
    }

    fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// A company's own conversion id; an invented one and a stranger's are none.
pub(crate) fn own_id(api: &Api, company: CompanyId, text: &str) -> Result<ConversionId, ApiError> {
    let id = text.parse().ok().filter(|id| api.catalog.secrets().id_key.is_of(company, *id));
    id.ok_or(ApiError::NotFound("conversion"))
}

/// Waits until the conversion is decided: what can be refunded or reviewed.
pub(crate) async fn wait_for(api: &Api, id: ConversionId, deadline: Deadline) -> Result<Conversion, ApiError> {
    loop {
        let found = api.ledger.conversion(id).await?.filter(|found| found.standing != Standing::Parked);
        if let Some(conversion) = found {
            return Ok(conversion);
        }
        if deadline.left().is_zero() {
            return Err(ApiError::Unavailable("the conversion is not decided yet: come back later"));
        }
        sleep_until(deadline.0.min(Instant::now() + ASK_EVERY)).await;
    }
}

/// Appends an event to the partition that decides it, and waits for its decision. One that does not reach the log is counted as
/// refused.
pub(crate) async fn decide(
    api: &Api,
    caller: CompanyCaller,
    kind: EventKind,
    (partition, body): (u32, Body),
    deadline: Deadline,
) -> Result<Answer, ApiError> {
    let waiting = count_refused(api, caller, kind, append(api, caller, partition, body).await)?;
    let decision = waiting.decision(deadline.left()).await;
    Ok(decision.ok_or(ApiError::Unavailable("it is taken and not decided yet: come back later"))?.answer)
}

async fn append(api: &Api, caller: CompanyCaller, partition: u32, body: Body) -> Result<Waiting, ApiError> {
    let id = api.ids.next();
    let waiting = api.waiters.register(id).await.map_err(|_| ApiError::Unavailable("too many wait for a decision"))?;
    let event = Event {
        id,
        stamped_at: (api.now)(),
        resent: false,
        reply_to: Some(api.waiters.reply_partition()),
        key: caller.key,
        first_appended_at: None,
        body,
    };
    let queued = api.log.enqueue(partition, Class::Conversion, encode_event(event));
    let appending = queued.map_err(|_| ApiError::Unavailable("too much waits to be written"))?;
    let appended = timeout(APPEND_WAIT, appending).await;
    appended.map_err(|_| ApiError::Unavailable("the log does not answer; whether it was taken is seen later"))??;
    Ok(waiting)
}

/// Counts what never reached the log, so that a company's outcomes add up to what it sent.
pub(crate) fn count_refused<T>(
    api: &Api,
    caller: CompanyCaller,
    kind: EventKind,
    prepared: Result<T, ApiError>,
) -> Result<T, ApiError> {
    prepared.inspect_err(|_| api.refused.add(caller.company, kind))
}

/// What a refused refund or review is answered with.
pub(crate) fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::KeyRevoked => ApiError::BadKey,
        Refusal::UnknownConversion => ApiError::NotFound("conversion"),
        Refusal::AlreadyResolved | Refusal::NotReviewable => ApiError::AlreadyResolved,
        Refusal::MoreThanLeft => ApiError::invalid("amount", "takes at most what is left of the sale"),
        Refusal::NothingLeft => ApiError::invalid("amount", "nothing is left of the sale"),
        Refusal::Undecided => ApiError::Unavailable("the conversion is not decided yet: come back later"),
        Refusal::ReceiptForged | Refusal::ReceiptForeign | Refusal::UnknownLink => {
            ApiError::Unavailable("the terms that decided the conversion cannot be found")
        }
    }
}
