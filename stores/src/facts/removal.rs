/// What is to be taken out of facts, and how much of that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    pub(crate) partition: u32,
    pub(crate) from: u64,
    pub(crate) before: u32,
    pub(crate) done: usize,
}

impl Removal {
    /// All of the partition from this offset on. What comes in its place is of `incarnation`, which no removal of those before it
    /// touches: as the block that it was, it would count as sent again.
    pub fn new(partition: u32, from: u64, incarnation: u32) -> Removal {
        Removal { partition, from, before: incarnation, done: 0 }
    }

    pub fn partition(&self) -> u32 {
        self.partition
    }

    pub fn from(&self) -> u64 {
        self.from
    }

    pub(crate) fn step_is_done(self, of: usize) -> Option<Removal> {
        (self.done + 1 < of).then_some(Removal { done: self.done + 1, ..self })
    }
}
