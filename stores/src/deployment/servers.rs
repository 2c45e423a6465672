//! A deployment around servers: each is asked in turn, and the first that cannot be used ends it with what is wrong there.

use std::time::Duration;

use schemas::time::TimeMs;
use tokio::time::{Instant, sleep};

use super::{Deployment, Roles};
use crate::{
    OpenError, Servers,
    catalog::Catalog,
    facts::Facts,
    ledger::Ledger,
    log::{Log, LogLimits},
    postgres::Postgres,
    touches::Touches,
};

/// A server that is started together with this process takes a moment.
const AT_START: Patience = Patience { tries: 15, try_again: Duration::from_secs(1), at_most: Duration::from_secs(15) };

/// How often and for how long a server that cannot be reached is tried.
struct Patience {
    tries: u32,
    try_again: Duration,
    at_most: Duration,
}

/// Postgres first: it says which deployment this is and with how many partitions it was made.
pub(super) async fn open(
    servers: &Servers,
    create_topics: bool,
    roles: Roles,
    limits: LogLimits,
    now: fn() -> TimeMs,
) -> Result<Deployment, OpenError> {
    let postgres =
        AT_START.open(async || Postgres::open(&servers.postgres, servers.postgres_connections).await).await?;
    let catalog = AT_START.open(async || Catalog::connect(postgres.clone(), now()).await).await?;
    let id = catalog.deployment();
    let ledger = AT_START.open(async || Ledger::connect(postgres.clone(), id, servers.partitions).await).await?;
    let log = AT_START.open(async || Log::connect(servers, limits, create_topics).await).await?;
    check_partitions(servers, &ledger, &log).await?;
    let facts = match roles.decides || roles.shows {
        true => Some(AT_START.open(async || Facts::connect(servers, id).await).await?),
        false => None,
    };
    let touches = match roles.decides {
        true => Some(AT_START.open(async || Touches::connect(servers, id).await).await?),
        false => None,
    };
    Ok(Deployment { id, log, ledger, catalog, facts, touches, lock: None })
}

/// The ledger's number routes events for good: a topic with another would scatter them.
async fn check_partitions(servers: &Servers, ledger: &Ledger, log: &Log) -> Result<(), OpenError> {
    let (fixed, found) = (ledger.partitions().await?, log.partitions());
    if fixed == found {
        return Ok(());
    }
    Err(OpenError::Unfit {
        server: "Kafka",
        address: format!("topic {}.events", servers.prefix),
        problem: format!("it has {found} partitions, and the ledger was made for {fixed}"),
        advice: "Bring the topic back that belongs to this ledger, or name another with --topic-prefix".to_owned(),
    })
}

impl Patience {
    /// Only a server that nobody answers at is tried again: what one says is said at once.
    async fn open<T>(&self, mut open: impl AsyncFnMut() -> Result<T, OpenError>) -> Result<T, OpenError> {
        let began = Instant::now();
        let mut tried = 1;
        loop {
            match open().await {
                Err(error @ OpenError::Unreachable { .. }) if tried < self.tries && began.elapsed() < self.at_most => {
                    if tried == 1 {
                        tracing::warn!(%error, "trying again for {} s", self.at_most.as_secs());
                    }
                    tried += 1;
                    sleep(self.try_again).await;
                }
                opened => return opened,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> OpenError {
        let (address, problem) = ("127.0.0.1:1".to_owned(), "connection refused".to_owned());
        OpenError::Unreachable { server: "Redis", flag: "redis", address, problem }
    }

    fn wrong() -> OpenError {
        OpenError::BadUrl { flag: "redis", problem: "no URL".to_owned() }
    }

    const SHORT: Patience =
        Patience { tries: 4, try_again: Duration::from_millis(1), at_most: Duration::from_secs(60) };
    const NONE: Patience = Patience { at_most: Duration::ZERO, ..SHORT };

    /// Opens as the list says, one entry a try, the last one over and over; returns what came of it and the number of tries.
    async fn tries(patience: &Patience, said: &[fn() -> Result<(), OpenError>]) -> (Result<(), OpenError>, usize) {
        let mut tried = 0;
        let opened = patience.open(async || {
            tried += 1;
            said[(tried - 1).min(said.len() - 1)]()
        });
        (opened.await, tried)
    }

    #[tokio::test]
    async fn who_does_not_answer_yet_is_tried_again_and_who_says_no_is_not() {
        let (opened, tried) = tries(&SHORT, &[|| Err(away()), || Err(away()), || Ok(())]).await;
        assert!(opened.is_ok() && tried == 3, "{opened:?} after {tried}");
        let (opened, tried) = tries(&SHORT, &[|| Err(away()), || Err(wrong())]).await;
        assert!(matches!(opened, Err(OpenError::BadUrl { .. })) && tried == 2, "{opened:?} after {tried}");
        for (patience, most) in [(SHORT, SHORT.tries as usize), (NONE, 1)] {
            let (opened, tried) = tries(&patience, &[|| Err(away())]).await;
            assert!(matches!(opened, Err(OpenError::Unreachable { .. })) && tried == most, "{opened:?} after {tried}");
        }
    }
}
