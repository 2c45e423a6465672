//! What every ledger must do. Another variant only names itself in [`variants`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

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
#[path = "ledger/reads.rs"]
mod reads;
#[path = "ledger/samples.rs"]
mod samples;
#[path = "ledger/waiting.rs"]
mod waiting;

use rules::Effect;
use schemas::time::TimeMs;
use stores::{
    DeploymentId,
    ledger::{Batch, Ledger, Versions},
};
use tempfile::TempDir;

const DEPLOYMENT: DeploymentId = DeploymentId(7);

#[derive(Debug, Clone, Copy)]
enum Variant {
    Embedded,
}

fn variants() -> [Variant; 1] {
    [Variant::Embedded]
}

impl Variant {
    fn open(self, folder: &TempDir) -> Ledger {
        match self {
            Variant::Embedded => Ledger::open(folder.path(), DEPLOYMENT).unwrap(),
        }
    }
}

/// A ledger with the partition taken.
struct Owned {
    variant: Variant,
    folder: TempDir,
    ledger: Ledger,
    epoch: u64,
    next: u64,
}

impl Owned {
    async fn new(variant: Variant) -> Owned {
        let folder = TempDir::new().unwrap();
        let ledger = variant.open(&folder);
        let taken = ledger.take(0).await.unwrap();
        Owned { variant, folder, ledger, epoch: taken.epoch, next: taken.progress.next }
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
        self.ledger = self.variant.open(&self.folder);
        let taken = self.ledger.take(0).await.unwrap();
        assert_eq!(taken.progress.next, self.next);
        self.epoch = taken.epoch;
    }

    async fn close(self) {
        self.ledger.close().await;
    }
}
