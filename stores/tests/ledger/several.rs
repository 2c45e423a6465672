//! A ledger with several partitions, each taken.

use rules::Effect;
use schemas::time::TimeMs;
use stores::ledger::{Batch, CommitError, Ledger, Versions};

use crate::place::{Place, Variant};

pub(crate) struct Several {
    pub(crate) place: Place,
    pub(crate) ledger: Ledger,
    pub(crate) owners: Vec<Owner>,
}

/// One partition's, which goes on by ten offsets a batch.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) ledger: Ledger,
    pub(crate) partition: u32,
    pub(crate) epoch: u64,
    pub(crate) next: u64,
}

impl Several {
    pub(crate) async fn new(variant: Variant, partitions: u32) -> Several {
        let place = Place::new(variant, partitions).await;
        let ledger = place.open().await;
        let mut owners = Vec::new();
        for partition in 0..partitions {
            let epoch = ledger.take(partition).await.unwrap().epoch;
            owners.push(Owner { ledger: ledger.clone(), partition, epoch, next: 0 });
        }
        Several { place, ledger, owners }
    }

    pub(crate) async fn close(self) {
        self.ledger.close().await;
    }
}

impl Owner {
    pub(crate) fn batch(&self, relied_on: Versions, effects: Vec<Effect>) -> Batch {
        Batch {
            partition: self.partition,
            epoch: self.epoch,
            from: self.next,
            to: self.next + 10,
            last_event: None,
            appended_at: TimeMs(0),
            relied_on,
            effects,
            quarantined: Vec::new(),
            plan: None,
            published: None,
        }
    }

    pub(crate) async fn commit(&mut self, relied_on: Versions, effects: Vec<Effect>) -> Result<(), CommitError> {
        let batch = self.batch(relied_on, effects);
        self.ledger.commit(batch).await?;
        self.next += 10;
        Ok(())
    }
}
