//! Reads the segments in order, as far as they are durable. Bytes that are no record are put aside and passed.

use std::io;

use super::{
    folder::{Folder, Segment, Segments},
    record::{Found, MAGIC, Place, Spooled, find},
};

pub(super) struct Reader {
    /// Everything before has been read.
    at: Place,
    /// What the segment holds from here on, as far as it is loaded.
    buffer: Vec<u8>,
    used: usize,
}

/// Records that follow each other.
pub(super) struct Batch {
    pub(super) records: Vec<Spooled>,
    /// Where each of them ends.
    pub(super) ends: Vec<Place>,
}

impl Reader {
    pub(super) fn new(at: Place) -> Reader {
        Reader { at, buffer: Vec::new(), used: 0 }
    }

    pub(super) fn at(&self) -> Place {
        self.at
    }

    /// Whether all of these has been read.
    pub(super) fn is_past(&self, segments: &Segments) -> bool {
        segments.back().is_none_or(|last| last.is_before(self.at))
    }

    /// At most `max` records, none where all has been read.
    pub(super) fn next(&mut self, folder: &Folder, segments: &Segments, max: usize) -> io::Result<Batch> {
        let mut batch = Batch { records: Vec::new(), ends: Vec::new() };
        while batch.records.is_empty() {
            let Some(segment) = self.segment(segments) else { break };
            self.load(folder, segment)?;
            self.take(folder, segment, max, &mut batch);
        }
        Ok(batch)
    }

    /// The first that is not read to its end; the place moves on to it.
    fn segment(&mut self, segments: &Segments) -> Option<Segment> {
        let segment = *segments.iter().find(|segment| !segment.is_before(self.at))?;
        if segment.number > self.at.segment {
            self.at = Place { segment: segment.number, offset: MAGIC.len() as u64 };
            self.buffer.clear();
            self.used = 0;
        }
        Some(segment)
    }

    fn load(&mut self, folder: &Folder, segment: Segment) -> io::Result<()> {
        if self.used > 0 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        let loaded = self.at.offset + self.buffer.len() as u64;
        if loaded < segment.length {
            folder.read(segment.number, loaded, segment.length, &mut self.buffer)?;
        }
        Ok(())
    }

    fn take(&mut self, folder: &Folder, segment: Segment, max: usize, batch: &mut Batch) {
        while batch.records.len() < max {
            let rest = &self.buffer[self.used..];
            if rest.is_empty() {
                // The file is shorter than it was.
                if self.at.offset < segment.length {
                    tracing::error!(
                        segment = segment.number,
                        bytes = segment.length - self.at.offset,
                        "a segment of the spool has become shorter: the acknowledged events that stood there are lost"
                    );
                    self.at.offset = segment.length;
                }
                return;
            }
            let length = match find(rest, self.at) {
                Found::Whole { record, length } => {
                    batch.records.push(record);
                    batch.ends.push(Place { offset: self.at.offset + length as u64, ..self.at });
                    length
                }
                Found::Bad { length } => {
                    folder.put_aside(self.at, &rest[..length]);
                    length
                }
                Found::Tail { .. } => {
                    folder.put_aside(self.at, rest);
                    rest.len()
                }
            };
            self.used += length;
            self.at.offset += length as u64;
        }
    }
}
