//! Many connections that each wait for an answer and send again, until the process is killed among them.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::journal::{Click, Journal, Order, Refund};
use super::seeded::Seeded;
use crate::account::{Company, Link};
use crate::http::{Reply, Request, fresh_address};
use crate::server::Server;

const CONNECTIONS: usize = 256;
/// The kill waits for one of these many answers, and then for enough that are not answered.
const ANSWERS: std::ops::Range<u64> = 200..1_600;
const IN_FLIGHT: usize = 120;
/// Facts hold an event about a second after it, so a conversion parked this lately still is.
const PARKED_LATELY: Duration = Duration::from_millis(300);
const KILLED_WITHIN: Duration = Duration::from_secs(60);

pub(super) struct Plan {
    pub(super) company: Company,
    pub(super) links: Vec<Prepared>,
    pub(super) round: usize,
    pub(super) seeded: Seeded,
}

/// A link with one click, and a time after that and before all others.
pub(super) struct Prepared {
    link: Link,
    after_first: Timestamp,
}

#[derive(Debug)]
pub(super) struct Killed {
    #[expect(dead_code, reason = "shown where a round fails")]
    answered: u64,
    pub(super) unanswered: usize,
}

enum Sent {
    Click(String),
    Sale(String),
    Refund(String),
}

struct Shared {
    plan: RefCell<Plan>,
    journal: RefCell<Journal>,
    /// Decided sales that nobody has refunded yet.
    refundable: RefCell<Vec<String>>,
    answered: Cell<u64>,
    in_flight: Cell<usize>,
    parked_at: Cell<Option<Instant>>,
    over: Cell<bool>,
}

pub(super) fn prepare(server: &Server, company: &Company, journal: &mut Journal, round: usize) -> Vec<Prepared> {
    journal.codes.clear();
    let prepared = (0..3).map(|n| {
        let link = server.link(company);
        let page = format!("/round-{round}/first-{n}");
        server.click_with(&click(company, &link, &page)).good();
        journal.clicks.insert(page, Click { round, acknowledged: true });
        journal.codes.push(link.code.clone());
        Prepared { link, after_first: Timestamp::now() }
    });
    prepared.collect()
}

/// Loads the server, kills it at a moment that the seed chooses, and reads what it had still answered.
pub(super) fn until_killed(server: Server, plan: Plan, journal: Journal) -> (Journal, Killed) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shared = Rc::new(Shared {
        plan: RefCell::new(plan),
        journal: RefCell::new(journal),
        refundable: RefCell::default(),
        answered: Cell::new(0),
        in_flight: Cell::new(0),
        parked_at: Cell::new(None),
        over: Cell::new(false),
    });
    let address = server.address;
    let all = tokio::task::LocalSet::new();
    for _ in 0..CONNECTIONS {
        all.spawn_local(Rc::clone(&shared).keep_sending(address));
    }
    all.spawn_local(Rc::clone(&shared).kill(server));
    runtime.block_on(all);
    let shared = Rc::into_inner(shared).expect("all have ended");
    let killed = Killed { answered: shared.answered.get(), unanswered: shared.in_flight.get() };
    (shared.journal.into_inner(), killed)
}

impl Shared {
    async fn kill(self: Rc<Self>, server: Server) {
        let enough = ANSWERS.start + self.plan.borrow_mut().seeded.below(ANSWERS.end - ANSWERS.start);
        let began = Instant::now();
        let is_time = || {
            let parked = self.parked_at.get().is_some_and(|at| at.elapsed() < PARKED_LATELY);
            self.answered.get() >= enough && self.in_flight.get() >= IN_FLIGHT && parked
        };
        while !is_time() {
            let (answered, in_flight) = (self.answered.get(), self.in_flight.get());
            assert!(began.elapsed() < KILLED_WITHIN, "{answered} answered, {in_flight} in flight");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.over.set(true);
        server.kill();
    }

    async fn keep_sending(self: Rc<Self>, to: SocketAddr) {
        let Ok(mut stream) = connect(to, fresh_address()).await else { return };
        while !self.over.get() {
            let (request, sent) = self.next();
            self.in_flight.set(self.in_flight.get() + 1);
            if stream.write_all(&request.bytes("refmill.test")).await.is_err() {
                return;
            }
            let Some(reply) = read(&mut stream).await else { return };
            self.in_flight.set(self.in_flight.get() - 1);
            self.answered.set(self.answered.get() + 1);
            self.took(sent, &reply);
        }
    }

    fn took(&self, sent: Sent, reply: &Reply) {
        let mut journal = self.journal.borrow_mut();
        match sent {
            Sent::Click(page) => {
                assert_eq!(reply.good()["tracked"], true);
                journal.clicks.get_mut(&page).expect("it was sent").acknowledged = true;
            }
            Sent::Sale(id) => {
                journal.sale_answered(&id, reply);
                if reply.status == 202 {
                    self.parked_at.set(Some(Instant::now()));
                } else if journal.orders[&id].attributed {
                    self.refundable.borrow_mut().push(id);
                }
            }
            Sent::Refund(id) => journal.refund_answered(&id, reply),
        }
    }

    /// The next request, written down before it is sent.
    fn next(&self) -> (Request, Sent) {
        let mut plan = self.plan.borrow_mut();
        let mut journal = self.journal.borrow_mut();
        let links = plan.links.len() as u64;
        let (chance, which) = (plan.seeded.below(100), plan.seeded.below(links) as usize);
        let (round, number) = (plan.round, journal.clicks.len() + journal.orders.len());
        if chance < 55 {
            let page = format!("/round-{round}/{number}");
            let body = click(&plan.company, &plan.links[which].link, &page);
            journal.clicks.insert(page.clone(), Click { round, acknowledged: false });
            // Of somebody new each time: so many clicks of one address would have the sales reviewed.
            let visitor = Ipv4Addr::from_bits(0x0a00_0000 + number as u32).to_string();
            return (Request::post("/track/click").json(&body).header("X-Forwarded-For", &visitor), Sent::Click(page));
        }
        if chance < 65
            && let Some(id) = self.refundable.borrow_mut().pop()
        {
            let order = journal.orders.get_mut(&id).expect("it was sold");
            let amount = 1 + (order.value - 1) * i64::from(chance as u8 - 54) / 10;
            let refund = Refund { id: format!("{id}-back"), amount, acknowledged: false };
            let path = format!("/conversions/{}/refund", order.conversion.as_deref().expect("decided"));
            let body = json!({ "refundId": refund.id, "amount": amount });
            order.refund = Some(refund);
            return (Request::post(path).key(&plan.company.key).json(&body), Sent::Refund(id));
        }
        let id = format!("round-{round}-order-{number}");
        let value = 500 + plan.seeded.below(4_500) as i64;
        let (link, after_first) = (&plan.links[which].link, plan.links[which].after_first);
        let mut body = json!({ "orderId": id, "orderValue": value, "affiliateCode": link.code });
        let attributed = chance < 97;
        if chance >= 85 {
            let occurred_at = if attributed { after_first } else { after_first - jiff::SignedDuration::from_hours(1) };
            body["occurredAt"] = Value::String(occurred_at.to_string());
        }
        let request = Request::post("/track/conversion").key(&plan.company.key).json(&body);
        journal.orders.insert(
            id.clone(),
            Order { round, body, value, attributed, conversion: None, decided: false, refund: None },
        );
        (request, Sent::Sale(id))
    }
}

fn click(company: &Company, link: &Link, page: &str) -> Value {
    json!({ "code": link.code, "landingPage": format!("https://{}{page}", company.domain) })
}

async fn connect(to: SocketAddr, source: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A whole answer; none where the connection ends first.
async fn read(stream: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Ok(reply) = Reply::read(&mut bytes.as_slice(), false) {
            return Some(reply);
        }
    }
}
