//! Sends a stream to whoever can be asked at the moment, and asks again, under the same names, what nobody answered.

mod judge;
mod prepare;

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cluster::{Cluster, Targets};
use crate::http::{Http, ROBOT, Reply, Request};
use crate::journal::{Journal, Run, Sent};
use crate::stream::{Click, Lane, Order, Refund, Step, Stream, When};
use judge::Judged;
pub(crate) use prepare::{Account, make_link, register};

/// What is not taken by then never will be.
const TAKEN_WITHIN: Duration = Duration::from_secs(180);
/// With a server away that others can do without.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(60);
/// By an edge whose way to the log is slower than this.
const CLICK_IS_STAMPED_WITHIN: Duration = Duration::from_millis(350);

/// A stream that is being sent.
pub(crate) struct Load {
    shared: Rc<Shared>,
    lanes: JoinSet<()>,
}

struct Shared {
    http: Http,
    targets: Targets,
    stream: Rc<Stream>,
    accounts: Vec<Account>,
    journal: RefCell<Journal>,
    /// A permit lets one step begin.
    gate: Semaphore,
    done: Cell<usize>,
    turn: Cell<usize>,
    prepared_at: Instant,
    /// Clicks may reach the log after sales that they win: then a first answer may say that nobody won.
    clicks_come_late: Cell<bool>,
}

impl Load {
    /// Makes the stream's companies and links and sends nothing until [`Load::let_pass`].
    pub(crate) async fn begin(cluster: &Cluster, stream: Stream) -> Load {
        let http = Http::new();
        let accounts = prepare::all(&http, cluster, &stream).await;
        let shared = Rc::new(Shared {
            http,
            targets: cluster.targets(),
            stream: Rc::new(stream),
            accounts,
            journal: RefCell::default(),
            gate: Semaphore::new(0),
            done: Cell::new(0),
            turn: Cell::new(0),
            prepared_at: Instant::now(),
            clicks_come_late: Cell::new(false),
        });
        let mut lanes = JoinSet::new();
        for lane in 0..shared.stream.lanes.len() {
            lanes.spawn_local(Rc::clone(&shared).keep_to(lane));
        }
        Load { shared, lanes }
    }

    /// From here on an edge may hold back clicks that others' sales are won by.
    pub(crate) fn expect_late_clicks(&self) {
        self.shared.clicks_come_late.set(true);
    }

    /// What was answered with a 2xx so far.
    fn acknowledged(&self) -> usize {
        let journal = self.shared.journal.borrow();
        let all = [&journal.clicks, &journal.orders, &journal.refunds, &journal.reviews];
        all.iter().flat_map(|sent| sent.values()).map(|sent| sent.acknowledged).sum()
    }

    pub(crate) fn accounts(&self) -> &[Account] {
        &self.shared.accounts
    }

    /// Lets so many more steps begin.
    pub(crate) fn let_pass(&self, steps: usize) {
        self.shared.gate.add_permits(steps);
    }

    pub(crate) fn steps(&self) -> usize {
        self.shared.stream.count(|_| true)
    }

    pub(crate) fn done(&self) -> usize {
        self.shared.done.get()
    }

    /// Lets the clicks pass that every lane of this stream begins with.
    pub(crate) async fn pass_clicks(&self) {
        let leading = |lane: &Lane| lane.steps.iter().take_while(|step| matches!(step, Step::Click(_))).count();
        let clicks = self.shared.stream.lanes.iter().map(leading).sum();
        self.let_pass(clicks);
        self.until(clicks).await;
    }

    /// Waits until so many steps are done, or all that could begin.
    pub(crate) async fn until(&self, steps: usize) {
        let steps = steps.min(self.steps());
        crate::wait::eventually(TAKEN_WITHIN * 2, "the load goes on", async || {
            let done = self.done();
            if done >= steps { Ok(()) } else { Err(format!("{done} of {steps} steps; {}", self.waiting())) }
        })
        .await;
    }

    /// Waits until so many more were answered with a 2xx, whatever is away.
    pub(crate) async fn until_acknowledged(&self, more: usize) {
        let wanted = self.acknowledged() + more;
        crate::wait::eventually(GOES_ON_WITHIN, "what comes in is taken", async || {
            let taken = self.acknowledged();
            if taken >= wanted { Ok(()) } else { Err(format!("{taken} of {wanted}; {}", self.waiting())) }
        })
        .await;
    }

    /// What is asked again and again at this moment.
    fn waiting(&self) -> String {
        format!("{:#?}", self.shared.journal.borrow().waiting)
    }

    /// Sends all that is left and says what became of it.
    pub(crate) async fn finish(mut self) -> Run {
        self.let_pass(self.steps());
        while let Some(ended) = self.lanes.join_next().await {
            ended.expect("a lane ends well");
        }
        let shared = Rc::into_inner(self.shared).expect("all lanes have ended");
        let journal = shared.journal.into_inner();
        eprintln!("{journal} in {:.1?}", shared.prepared_at.elapsed());
        Run { stream: shared.stream, accounts: shared.accounts, journal }
    }

    /// All of a stream, as fast as it goes.
    pub(crate) async fn run(cluster: &Cluster, stream: Stream) -> Run {
        Load::begin(cluster, stream).await.finish().await
    }
}

/// Of a lane: what the next step needs to know of those before.
#[derive(Default)]
struct Past {
    after_first_click: Option<Timestamp>,
}

impl Shared {
    async fn keep_to(self: Rc<Self>, number: usize) {
        let mut past = Past::default();
        let mut steps = self.stream.lanes[number].steps.iter().peekable();
        while let Some(step) = steps.next() {
            self.gate.acquire().await.expect("never closed").forget();
            match step {
                Step::Click(click) => self.click(number, click, &mut past).await,
                Step::Sale(order) => match steps.next_if(|next| matches!(next, Step::Click(click) if click.late)) {
                    Some(Step::Click(click)) => self.sale_before_click(number, order, click).await,
                    _ => self.sale(number, order, &past).await,
                },
                Step::SaleAgain { order, same_body } => self.sale_again(number, order, *same_body, &past).await,
                Step::Refund { order, refund } => self.refund(number, order, refund, false).await,
                Step::RefundAgain { order, refund } => self.refund(number, order, refund, true).await,
                Step::Review { order, approve } => self.review(number, order, *approve).await,
            }
            self.done.set(self.done.get() + 1);
        }
    }

    /// Somebody clicks and buys, and the log has the sale first.
    async fn sale_before_click(&self, lane: usize, order: &Order, click: &Click) {
        let sale = async {
            tokio::time::sleep(CLICK_IS_STAMPED_WITHIN).await;
            self.sale(lane, order, &Past::default()).await;
        };
        let mut past = Past::default();
        tokio::join!(self.click(lane, click, &mut past), sale);
    }

    async fn click(&self, lane: usize, click: &Click, past: &mut Past) {
        let (of, account) = self.lane(lane);
        let page = format!("https://{}{}", self.stream.shops[of].domain, click.page);
        let body = json!({ "code": account.code(lane), "landingPage": page, "eventId": click.event_id,
            "utmSource": format!("source-{}", lane % 5) });
        for _ in 0..click.times {
            let mut request = Request::post("/track/click").json(&body).visitor(self.somebody_new());
            if click.bot {
                request = request.header("user-agent", ROBOT);
            }
            let whom = if click.late { Targets::late_edge } else { Targets::edge };
            self.ask(&click.page, whom, &request, |journal, reply| {
                let sent = sent(&mut journal.clicks, lane, &click.page);
                judge::click(sent, reply)
            })
            .await;
        }
        past.after_first_click.get_or_insert_with(Timestamp::now);
    }

    async fn sale(&self, lane: usize, order: &Order, past: &Past) {
        let body = self.sale_body(lane, order, past);
        self.send_sale(lane, order, &body, false).await;
    }

    async fn sale_again(&self, lane: usize, id: &str, same_body: bool, past: &Past) {
        let order = self.stream.lanes[lane].order(id);
        let mut body = self.sale_body(lane, order, past);
        // What waits on one edge's disk may be overtaken by what another edge takes: who is first is known once it is decided.
        let is_decided = self.journal.borrow().orders.get(id).is_some_and(|sent| sent.decided);
        if !same_body && is_decided {
            body["orderValue"] = json!(order.value_minor + 1);
        }
        self.send_sale(lane, order, &body, true).await;
    }

    async fn send_sale(&self, lane: usize, order: &Order, body: &Value, again: bool) {
        let (_, account) = self.lane(lane);
        let request = Request::post("/track/conversion").key(&account.key).json(body);
        let due = self.stream.orders().find(|(_, of, _)| of.id == order.id).expect("an order").2;
        let late = self.clicks_come_late.get();
        self.ask(&order.id, Targets::edge, &request, |journal, reply| {
            judge::sale(journal, lane, &order.id, judge::Wanted { due, again, late }, reply)
        })
        .await;
    }

    async fn refund(&self, lane: usize, order: &str, refund: &Refund, again: bool) {
        let (_, account) = self.lane(lane);
        let Some(conversion) = self.conversion(order, &refund.id) else { return };
        let body = json!({ "refundId": refund.id, "amount": refund.amount_minor });
        let request = Request::post(format!("/conversions/{conversion}/refund")).key(&account.key).json(&body);
        let due = self.stream.orders().find(|(_, of, _)| of.id == order).expect("an order").2;
        let wanted = judge::Wanted { due: due.after(refund.so_far_minor), again, late: self.clicks_come_late.get() };
        self.ask(&refund.id, Targets::api, &request, |journal, reply| {
            judge::refund(sent(&mut journal.refunds, lane, &refund.id), wanted, reply)
        })
        .await;
    }

    async fn review(&self, lane: usize, order: &str, approve: bool) {
        let (_, account) = self.lane(lane);
        let Some(conversion) = self.conversion(order, "a review") else { return };
        let action = if approve { "approve" } else { "reject" };
        let request = Request::patch(format!("/companies/conversions/{conversion}")).key(&account.key);
        let request = request.json(&json!({ "action": action }));
        let late = self.clicks_come_late.get();
        self.ask(order, Targets::api, &request, |journal, reply| {
            judge::review(sent(&mut journal.reviews, lane, order), approve, late, reply)
        })
        .await;
    }

    /// Sends until it is taken, each time to the next who can be asked.
    async fn ask(
        &self,
        what: &str,
        whom: fn(&Targets, usize) -> Option<SocketAddr>,
        request: &Request,
        mut judge: impl FnMut(&mut Journal, Option<&Reply>) -> Judged,
    ) {
        let began = Instant::now();
        let mut last = "nobody to ask".to_owned();
        while began.elapsed() < TAKEN_WITHIN {
            let Some(to) = whom(&self.targets, self.next_turn()) else {
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            let answer = self.http.send(to, request).await;
            {
                let mut journal = self.journal.borrow_mut();
                journal.requests += 1;
                let judged = judge(&mut journal, answer.as_ref().ok());
                journal.waiting.remove(what);
                last = match (judged, answer) {
                    (Judged::Done, _) => return,
                    (_, Err(error)) => {
                        journal.unanswered += 1;
                        error
                    }
                    (Judged::Later, Ok(reply)) => format!("{reply:?}"),
                    (Judged::NotKnownYet, Ok(reply)) if self.prepared_at.elapsed() < KNOWN_WITHIN => {
                        format!("{reply:?}")
                    }
                    (Judged::NotKnownYet | Judged::Wrong, Ok(reply)) => {
                        return journal.wrong(format!("{what}: {} {}", reply.status, reply.text));
                    }
                };
                journal.waiting.insert(what.to_owned(), last.clone());
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.journal.borrow_mut().wrong(format!("{what} was not taken in {} s: {last}", TAKEN_WITHIN.as_secs()));
    }

    fn sale_body(&self, lane: usize, order: &Order, past: &Past) -> Value {
        let (_, account) = self.lane(lane);
        let mut body =
            json!({ "orderId": order.id, "orderValue": order.value_minor, "affiliateCode": account.code(lane) });
        let first = || past.after_first_click.expect("a lane with a backdated sale begins with a click");
        let occurred_at = match order.when {
            When::Now => None,
            When::AfterFirstClick => Some(first()),
            When::BeforeAllClicks => Some(first() - SignedDuration::from_hours(1)),
        };
        if let Some(at) = occurred_at {
            body["occurredAt"] = json!(at.to_string());
        }
        if order.by_partner {
            body["customerEmail"] = json!(self.stream.lanes[lane].partner_email);
        } else if let Some(customer) = &order.customer {
            body["customerId"] = json!(customer);
        }
        body
    }

    fn conversion(&self, order: &str, wanted_by: &str) -> Option<String> {
        let known = self.journal.borrow().orders.get(order).and_then(|sent| sent.conversion.clone());
        if known.is_none() {
            self.journal.borrow_mut().wrong(format!("{wanted_by}: nobody said which conversion {order} is"));
        }
        known
    }

    fn lane(&self, lane: usize) -> (usize, &Account) {
        let shop = self.stream.lanes[lane].shop;
        (shop, &self.accounts[shop])
    }

    fn next_turn(&self) -> usize {
        self.turn.set(self.turn.get() + 1);
        self.turn.get()
    }

    /// So many clicks of one address would have the sales reviewed.
    fn somebody_new(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(self.next_turn()).expect("fewer requests"))
    }
}

/// What a change of the catalog may take until every edge knows it, with room for a busy machine.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

fn sent<'a>(all: &'a mut std::collections::BTreeMap<String, Sent>, lane: usize, name: &str) -> &'a mut Sent {
    let sent = all.entry(name.to_owned()).or_default();
    sent.lane = lane;
    sent
}
