//! A lost connection may come back to another log: one that a broker lost the end of, and that has grown again since. Who reads on
//! where it stood would decide on records that it has read before as others. So the last one is looked at once more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::log::Record;

#[derive(Default)]
pub(super) struct Doubt {
    raised: Arc<AtomicBool>,
    last: Option<Record>,
    is_looking: bool,
}

/// What is to be done with a record that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Next,
    /// The last one again, as it was.
    Same,
    /// Nothing, before the last one was looked at.
    Look,
    Another,
}

impl Doubt {
    /// Set by whoever hears of trouble.
    pub(super) fn raised(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.raised)
    }

    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Relaxed);
    }

    /// From where to read to find out, where it must be.
    pub(super) fn look(&mut self) -> Option<u64> {
        let is_raised = self.raised.swap(false, Ordering::Relaxed);
        let last = self.last.as_ref().filter(|_| is_raised)?;
        self.is_looking = true;
        Some(last.position.offset)
    }

    pub(super) fn about(&mut self, record: &Record) -> Said {
        match &self.last {
            Some(_) if self.raised.load(Ordering::Relaxed) => Said::Look,
            Some(last) if self.is_looking => {
                self.is_looking = false;
                if last == record { Said::Same } else { Said::Another }
            }
            _ => Said::Next,
        }
    }

    pub(super) fn has_read(&mut self, last: Option<&Record>) {
        if let Some(last) = last {
            self.last = Some(last.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::{ids::Position, time::TimeMs};

    use super::*;

    fn record(offset: u64, bytes: &[u8]) -> Record {
        Record { position: Position { partition: 0, offset }, appended_at: TimeMs(7), bytes: bytes.to_vec() }
    }

    #[test]
    fn after_trouble_the_last_one_must_be_the_same() {
        let mut doubt = Doubt::default();
        doubt.raise();
        assert_eq!(
            (doubt.about(&record(4, b"a")), doubt.look()),
            (Said::Next, None),
            "there is nothing to compare with"
        );
        doubt.has_read(Some(&record(4, b"a")));
        assert_eq!((doubt.look(), doubt.about(&record(5, b"b"))), (None, Said::Next));
        for (found, said) in
            [(record(4, b"a"), Said::Same), (record(4, b"b"), Said::Another), (record(5, b"a"), Said::Another)]
        {
            doubt.raise();
            assert_eq!(doubt.about(&record(5, b"b")), Said::Look);
            assert_eq!((doubt.look(), doubt.about(&found)), (Some(4), said));
            assert_eq!(doubt.about(&record(5, b"b")), Said::Next);
        }
    }
}
