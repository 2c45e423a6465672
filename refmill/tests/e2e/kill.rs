//! `kill -9` at any moment, and a start on the same folder: what was acknowledged is there once, and the books are right.

mod broken;
mod journal;
mod load;
mod observed;
mod seeded;

use rusqlite::Connection as Database;

use crate::account::Company;
use crate::server::{Launch, Server};
use crate::site::Site;
use journal::Journal;
use load::Killed;
use observed::Observed;
use seeded::Seeded;

const ROUNDS: usize = 50;
const SEED: u64 = 20_261_121;
/// A round counts where at least so many requests were unanswered, and a conversion was parked.
const UNANSWERED: usize = 100;

#[test]
fn what_was_acknowledged_survives_kill_9_and_is_there_once() {
    let rounds =
        std::env::var("REFMILL_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let mut field = Field::new();
    let (mut counted, mut unanswered) = (0, 0);
    for round in 0..rounds * 2 {
        let killed = field.load_and_kill(round);
        let parked = field.parked();
        let checked = field.start_and_check(round);
        checked.unwrap_or_else(|wrong| panic!("seed {SEED}, round {round}, {killed:?}, {parked} parked:\n{wrong}"));
        if killed.unanswered >= UNANSWERED && parked > 0 {
            counted += 1;
            unanswered += killed.unanswered;
        }
        if counted == rounds {
            break;
        }
    }
    assert_eq!(counted, rounds, "too few rounds had {UNANSWERED} unanswered requests and a parked conversion");
    eprintln!("{rounds} kills, {unanswered} requests unanswered, {}", field.journal);
    field.stop();
    field.books_balance();
}

/// A folder, the process on it, and the journal of all that was sent to it.
struct Field {
    server: Option<Server>,
    site: Site,
    launch: Launch,
    company: Company,
    journal: Journal,
    seeded: Seeded,
}

impl Field {
    fn new() -> Field {
        let site = Site::new();
        let launch = Launch::new().set("--trusted-proxies", "127.0.0.0/8");
        let server = launch.start(&site);
        let company = server.company();
        let journal = Journal::default();
        Field { site, launch, server: Some(server), company, journal, seeded: Seeded::new(SEED) }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn load_and_kill(&mut self, round: usize) -> Killed {
        let server = self.server.take().expect("it runs");
        let links = load::prepare(&server, &self.company, &mut self.journal, round);
        let journal = std::mem::take(&mut self.journal);
        let plan = load::Plan { company: self.company.clone(), links, round, seeded: self.seeded.fork() };
        let (journal, killed) = load::until_killed(server, plan, journal);
        self.journal = journal;
        killed
    }

    /// Starts on the folder as it was left, and says what is not as it should be.
    fn start_and_check(&mut self, round: usize) -> Result<(), String> {
        self.server = Some(self.launch.try_start(&self.site)?);
        self.ask_again(round);
        let seen = Observed::of(self.server(), &self.company, &self.journal, round)?;
        let wrong = self.journal.differences(&seen);
        self.journal.clicks_before += seen.clicks.values().sum::<usize>() as i64;
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Sends again what nobody answered: taken before or not, from here on it is there.
    fn ask_again(&mut self, round: usize) {
        let mut journal = std::mem::take(&mut self.journal);
        journal.ask_again(self.server(), &self.company, round);
        self.journal = journal;
    }

    fn stop(&mut self) {
        self.server.take().expect("it runs").stop();
    }

    fn ledger(&self) -> Database {
        Database::open(self.site.data().join("ledger.db")).expect("the ledger")
    }

    /// Conversions that wait in the ledger of a process that is gone.
    fn parked(&self) -> i64 {
        let copy = tempfile::tempdir().expect("a folder");
        let ledger = Database::open(self.site.copy_of("ledger.db", copy.path())).expect("a copy of the ledger");
        ledger.query_row("SELECT count(*) FROM parked", [], |row| row.get(0)).expect("a count")
    }

    /// Every balance is what its transfers add up to, and all of them are zero.
    fn books_balance(&self) {
        let ledger = self.ledger();
        let wrong = "WITH moved AS (
                SELECT credit_kind AS kind, credit_company AS company, credit_partner AS partner, currency, amount_minor AS n FROM transfers
                UNION ALL SELECT debit_kind, debit_company, debit_partner, currency, -amount_minor FROM transfers),
            sums AS (SELECT kind, company, partner, currency, sum(n) AS n FROM moved GROUP BY 1, 2, 3, 4),
            shown AS (SELECT kind, company, partner, currency, sum(amount_minor) AS n FROM balances GROUP BY 1, 2, 3, 4)
            SELECT (SELECT count(*) FROM (SELECT * FROM sums WHERE n <> 0 EXCEPT SELECT * FROM shown)),
                   (SELECT count(*) FROM (SELECT * FROM shown WHERE n <> 0 EXCEPT SELECT * FROM sums)),
                   (SELECT count(*) FROM (SELECT sum(amount_minor) AS n FROM balances GROUP BY currency) WHERE n <> 0)";
        let counts = ledger.query_row(wrong, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        assert_eq!(counts.expect("sums"), (0, 0, 0), "balances against transfers, and the sum of all");
    }
}
