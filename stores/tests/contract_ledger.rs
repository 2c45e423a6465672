//! What every ledger must do. Another variant only names itself in [`place::variants`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "ledger/alike.rs"]
mod alike;
#[path = "ledger/contested.rs"]
mod contested;
#[path = "ledger/facts.rs"]
mod facts;
#[path = "ledger/fencing.rs"]
mod fencing;
#[path = "ledger/fetch.rs"]
mod fetch;
#[path = "ledger/keys.rs"]
mod keys;
#[path = "ledger/money.rs"]
mod money;
#[path = "ledger/place.rs"]
mod place;
#[path = "ledger/reads.rs"]
mod reads;
#[path = "ledger/restart.rs"]
mod restart;
#[path = "ledger/samples.rs"]
mod samples;
#[path = "ledger/server.rs"]
mod server;
#[path = "ledger/several.rs"]
mod several;
#[path = "ledger/stress.rs"]
mod stress;
#[path = "ledger/upgrade.rs"]
mod upgrade;
#[path = "ledger/versions.rs"]
mod versions;
#[path = "ledger/waiting.rs"]
mod waiting;

use rules::Effect;
use schemas::time::TimeMs;
use stores::ledger::{Batch, Ledger, Versions};

use place::{Place, Variant, variants};

/// A ledger with a partition taken.
struct Owned {
    place: Place,
    ledger: Ledger,
    epoch: u64,
    next: u64,
}

impl Owned {
    async fn new(variant: Variant) -> Owned {
        let place = Place::new(variant, 1).await;
        let ledger = place.open().await;
        let taken = ledger.take(0).await.unwrap();
        Owned { place, ledger, epoch: taken.epoch, next: taken.progress.next }
    }

    fn batch(&self, effects: Vec<Effect>) -> Batch {
        Batch {
            partition: 0,
            epoch: self.epoch,
            from: self.next,
            to: self.next + 10,
            last_event: None,
            appended_at: TimeMs(0),
            relied_on: Versions::default(),
            effects,
            quarantined: Vec::new(),
            plan: None,
            published: None,
        }
    }

    async fn commit(&mut self, effects: Vec<Effect>) {
        let batch = self.batch(effects);
        self.ledger.commit(batch).await.unwrap();
        self.next += 10;
    }

    /// Closes and opens again, and takes the partition anew.
    async fn reopen(&mut self) {
        self.ledger.close().await;
        self.ledger = self.place.open().await;
        let taken = self.ledger.take(0).await.unwrap();
        assert_eq!(taken.progress.next, self.next);
        self.epoch = taken.epoch;
    }

    async fn close(self) {
        self.ledger.close().await;
    }
}
