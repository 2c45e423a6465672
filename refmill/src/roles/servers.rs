//! Which servers answer, asked beside everything else: whoever asks how this process is waits for none of them.

use std::time::Duration;

use metrics::gauge;
use stores::{StoreError, facts::Facts, ledger::Ledger, touches::Touches};
use tokio::{
    join,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How often each is asked, and how long an answer may take: longer than a place in a pool of connections.
const ASK_EVERY: Duration = Duration::from_secs(2);
const ANSWER_WAIT: Duration = Duration::from_secs(12);

/// After so many answers in a row that did not come it is away.
const AWAY_AFTER: u32 = 2;

/// Of the servers that a role needs, those that are away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Away {
    /// Nothing is decided or answered without it.
    pub(super) postgres: bool,
    /// What is decided is kept elsewhere too until these are back.
    pub(super) clickhouse: bool,
    pub(super) redis: bool,
}

pub(super) struct Servers {
    ledger: Ledger,
    facts: Option<Facts>,
    touches: Option<Touches>,
    away: watch::Sender<Away>,
}

impl Servers {
    pub(super) fn new(ledger: Ledger, facts: Option<Facts>, touches: Option<Touches>) -> Servers {
        Servers { ledger, facts, touches, away: watch::Sender::default() }
    }

    pub(super) fn away(&self) -> watch::Receiver<Away> {
        self.away.subscribe()
    }

    /// Asks until told to stop.
    pub(super) async fn ask(self, stop: CancellationToken) {
        let mut failed = [0; 3];
        while stop.run_until_cancelled(sleep(ASK_EVERY)).await.is_some() {
            let asked = async {
                join!(
                    answers(self.ledger.ask()),
                    answers(async { if let Some(facts) = &self.facts { facts.ask().await } else { Ok(()) } }),
                    answers(async { if let Some(touches) = &self.touches { touches.ask().await } else { Ok(()) } }),
                )
            };
            let Some(answered) = stop.run_until_cancelled(asked).await else { break };
            let answered: [bool; 3] = answered.into();
            for (count, answered) in failed.iter_mut().zip(answered) {
                *count = if answered { 0 } else { AWAY_AFTER.min(*count + 1) };
            }
            let [postgres, clickhouse, redis] = failed.map(|count| count >= AWAY_AFTER);
            self.say(Away { postgres, clickhouse, redis });
        }
    }

    fn say(&self, now: Away) {
        for (server, is_away) in [("postgres", now.postgres), ("clickhouse", now.clickhouse), ("redis", now.redis)] {
            gauge!("refmill_server_away", "server" => server).set(if is_away { 1.0 } else { 0.0 });
        }
        self.away.send_if_modified(|away| {
            let has_changed = *away != now;
            if has_changed {
                tracing::warn!(?now, "other servers are away than before");
            }
            *away = now;
            has_changed
        });
    }
}

async fn answers(asked: impl Future<Output = Result<(), StoreError>>) -> bool {
    matches!(timeout(ANSWER_WAIT, asked).await, Ok(Ok(())))
}
