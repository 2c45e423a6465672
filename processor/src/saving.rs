//! Touches are saved beside deciding, which never waits for it: decisions are made from memory.

use std::time::{Duration, Instant};

use metrics::counter;
use stores::touches::{SaveError, Touches};
use tokio::task::JoinHandle;

use crate::{ProcessError, memory::Memory};

/// One save of an owner's touches at a time.
pub(crate) struct Saving {
    touches: Touches,
    partition: u32,
    epoch: u64,
    /// Saved up to here.
    saved: u64,
    /// What is kept is not what was saved last: all of it is saved anew.
    whole: bool,
    begun_at: Instant,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    from: u64,
    to: u64,
    task: JoinHandle<Result<(), SaveError>>,
}

impl Drop for Saving {
    fn drop(&mut self) {
        if let Some(under_way) = &self.under_way {
            under_way.task.abort();
        }
    }
}

impl Saving {
    pub(crate) fn new(touches: Touches, partition: u32, epoch: u64, saved: u64, whole: bool) -> Saving {
        Saving { touches, partition, epoch, saved, whole, begun_at: Instant::now(), under_way: None }
    }

    /// Takes in how the last save ended, and begins another when its time has come.
    pub(crate) async fn keep_up(
        &mut self,
        next: u64,
        memory: &mut Memory,
        every: Duration,
    ) -> Result<(), ProcessError> {
        if self.under_way.as_ref().is_some_and(|under_way| under_way.task.is_finished()) {
            self.ended(memory).await?;
        }
        if self.under_way.is_none() && self.begun_at.elapsed() >= every && self.is_behind(next) {
            self.begin(next, memory);
        }
        Ok(())
    }

    /// Saves what is left, once.
    pub(crate) async fn finish(&mut self, next: u64, memory: &mut Memory) -> Result<(), ProcessError> {
        if self.under_way.is_some() {
            self.ended(memory).await?;
        }
        if self.is_behind(next) {
            self.begin(next, memory);
            self.ended(memory).await?;
        }
        Ok(())
    }

    fn is_behind(&self, next: u64) -> bool {
        self.whole || self.saved != next
    }

    fn begin(&mut self, next: u64, memory: &mut Memory) {
        let (touches, partition, epoch, from, to) =
            (self.touches.clone(), self.partition, self.epoch, self.saved, next);
        let task = if self.whole {
            let all = memory.begin_whole_save();
            tokio::spawn(async move { touches.save_all(partition, epoch, to, &all).await })
        } else {
            let delta = memory.begin_save();
            tokio::spawn(async move { touches.save(partition, epoch, from, to, delta).await })
        };
        self.under_way = Some(UnderWay { from, to, task });
        self.begun_at = Instant::now();
    }

    async fn ended(&mut self, memory: &mut Memory) -> Result<(), ProcessError> {
        let Some(under_way) = &mut self.under_way else { return Ok(()) };
        let ended = (&mut under_way.task).await.map_err(|_| ProcessError::TaskEnded)?;
        let (from, to) = (under_way.from, under_way.to);
        self.under_way = None;
        let (partition, epoch) = (self.partition, self.epoch);
        match ended {
            Ok(()) => {
                memory.saved();
                (self.saved, self.whole) = (to, false);
            }
            Err(SaveError::Moved { epoch: theirs, .. }) if theirs > epoch => return Err(ProcessError::Fenced),
            Err(SaveError::Moved { next, .. }) => {
                memory.not_saved();
                // A save whose answer was lost is there; what it held is saved again with the rest, which changes nothing.
                if !self.whole && from < next && next <= to {
                    self.saved = next;
                } else {
                    counter!("refmill_touches_saved_whole_total").increment(1);
                    tracing::warn!(
                        partition,
                        next,
                        saved = self.saved,
                        "touches were lost or rolled back: saving all of them"
                    );
                    self.whole = true;
                }
            }
            Err(SaveError::Store(error)) if error.passes() => {
                memory.not_saved();
                counter!("refmill_touches_failures_total").increment(1);
                tracing::warn!(partition, %error, "touches cannot be saved; going on with those in memory");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
