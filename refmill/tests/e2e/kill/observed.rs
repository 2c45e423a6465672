//! What a company can see, read the way a company reads it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::journal::{Journal, Shown};
use crate::account::Company;
use crate::http::{Connection, Request};
use crate::server::Server;
use crate::wait::{SETTLED, holds, within};

#[derive(Clone, Default)]
pub(super) struct Observed {
    pub(super) round: usize,
    /// Of this round: how often each landing page is there.
    pub(super) clicks: BTreeMap<String, usize>,
    /// Of this round: the conversions of each order id.
    pub(super) orders: BTreeMap<String, Vec<Shown>>,
    /// Of all rounds.
    pub(super) dashboard_clicks: i64,
    pub(super) dashboard_conversions: i64,
    pub(super) owed: i64,
    pub(super) fees: i64,
    /// Sales under review, whose commission is not owed yet.
    pub(super) pending: i64,
    pub(super) outcomes: BTreeMap<(String, String), i64>,
}

impl Observed {
    /// Waits until all that was parked is decided and all clicks are in the facts, and reads.
    pub(super) fn of(server: &Server, company: &Company, journal: &Journal, round: usize) -> Result<Observed, String> {
        let mut reader = Reader { connection: server.connect(), key: company.key.clone() };
        for order in journal.orders.values().filter(|order| order.round == round && !order.decided) {
            let path = format!("/conversions/{}", order.conversion.as_ref().expect("asked again"));
            within(SETTLED, || {
                let seen = reader.data(&path);
                holds(seen["status"] != "processing", seen)
            })?;
        }
        within(SETTLED, || {
            let counts = outcomes(&reader.data("/companies/outcomes"));
            let decided = |kind: &str, outcome: &str| counts[&(kind.to_owned(), outcome.to_owned())];
            let dashboard = reader.data("/companies/dashboard");
            let held = |name: &str| dashboard[name].as_i64().expect("a count");
            let clicks = (held("totalClicks"), decided("click", "counted"));
            let sales = (held("totalConversions"), decided("sale", "attributed"));
            holds(
                clicks.0 == clicks.1 && sales.0 == sales.1,
                format!("facts hold {clicks:?} clicks and {sales:?} sales"),
            )
        })?;
        let mut seen = Observed { round, ..Observed::default() };
        for code in &journal.codes {
            seen.read_clicks(&mut reader, code);
        }
        seen.read_orders(&mut reader, journal);
        seen.read_sums(&mut reader);
        Ok(seen)
    }

    pub(super) fn outcome(&self, kind: &str, outcome: &str) -> i64 {
        self.outcomes.get(&(kind.to_owned(), outcome.to_owned())).copied().unwrap_or(0)
    }

    pub(super) fn set_outcome(&mut self, kind: &str, outcome: &str, n: i64) {
        self.outcomes.insert((kind.to_owned(), outcome.to_owned()), n);
    }

    fn read_clicks(&mut self, reader: &mut Reader, code: &str) {
        for click in reader.all(&format!("/links/{code}/clicks")) {
            let page = click["landingPage"].as_str().expect("a page");
            let path = page.find('/').map_or("", |at| &page[at..]);
            *self.clicks.entry(path.to_owned()).or_default() += 1;
        }
    }

    fn read_orders(&mut self, reader: &mut Reader, journal: &Journal) {
        let wanted = journal.orders.values().filter(|order| order.round == self.round).count();
        let start = format!("round-{}-", self.round);
        // Newest first, so this round's are on the first pages; one page more shows that there are no others.
        for page in 1..=wanted / PER_PAGE + 2 {
            for sale in reader.list(&format!("/companies/conversions?page={page}&perPage={PER_PAGE}")) {
                let id = sale["orderId"].as_str().expect("an order").to_owned();
                if id.starts_with(&start) {
                    let number = |name: &str| sale[name].as_i64().expect("a number");
                    let conversion = sale["id"].as_str().expect("an id").to_owned();
                    self.orders.entry(id).or_default().push((
                        conversion,
                        number("orderValue"),
                        number("commissionAmount"),
                    ));
                }
            }
        }
    }

    fn read_sums(&mut self, reader: &mut Reader) {
        let dashboard = reader.data("/companies/dashboard");
        self.dashboard_clicks = dashboard["totalClicks"].as_i64().expect("a count");
        self.dashboard_conversions = dashboard["totalConversions"].as_i64().expect("a count");
        let balances = reader.data("/balances");
        self.owed = balances[0]["owed"].as_i64().unwrap_or(0);
        self.fees = balances[0]["platformFees"].as_i64().unwrap_or(0);
        self.outcomes = outcomes(&reader.data("/companies/outcomes"));
        let list = Request::get("/companies/conversions?perPage=1").key(&reader.key);
        let counts = reader.connection.send(&list).expect("an answer").json()["statusCounts"].take();
        self.pending = counts["pending"].as_i64().expect("a count");
    }
}

const PER_PAGE: usize = 100;

fn outcomes(data: &Value) -> BTreeMap<(String, String), i64> {
    let mut counts = BTreeMap::new();
    for of_kind in data["totals"].as_array().expect("counts of every kind") {
        let kind = of_kind["kind"].as_str().expect("a kind");
        for (outcome, n) in of_kind.as_object().expect("an object") {
            if let Some(n) = n.as_i64() {
                counts.insert((kind.to_owned(), outcome.clone()), n);
            }
        }
    }
    counts
}

struct Reader {
    connection: Connection,
    key: String,
}

impl Reader {
    fn data(&mut self, path: &str) -> Value {
        self.connection.send(&Request::get(path).key(&self.key)).expect("an answer").good()
    }

    fn list(&mut self, path: &str) -> Vec<Value> {
        self.data(path).as_array().expect("a list").clone()
    }

    fn all(&mut self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.list(&format!("{path}?page={}&perPage={PER_PAGE}", all.len() / PER_PAGE + 1));
            let is_last = page.len() < PER_PAGE;
            all.extend(page);
            if is_last {
                return all;
            }
        }
    }
}
