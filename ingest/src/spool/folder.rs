//! The spool's folder: who may use it, which segments are in it, and what a crash left of them.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use metrics::counter;
use schemas::time::TimeMs;

use super::{
    error::SpoolError,
    record::{Found, MAGIC, Place, find},
};

const LOCK_FILE: &str = "lock";
const SEGMENT: &str = "segment";
const BAD: &str = "bad";

pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as the spool may be used.
    _lock: File,
}

/// A segment file, as far as it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) length: u64,
}

impl Segment {
    /// Whether all of it stands before this place.
    pub(super) fn is_before(&self, place: Place) -> bool {
        Place { segment: self.number, offset: self.length } <= place
    }
}

/// In the order in which they are sent.
pub(super) type Segments = VecDeque<Segment>;

/// What an earlier process left.
pub(super) struct Left {
    pub(super) segments: Segments,
    pub(super) records: u64,
    pub(super) oldest: Option<TimeMs>,
    pub(super) next_segment: u64,
}

impl Folder {
    /// Makes it where it is missing, readable by its owner alone, and takes it for this process.
    pub(super) fn open(path: &Path) -> Result<Folder, SpoolError> {
        let not_usable = |source| SpoolError::NotUsable { folder: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(not_usable)?;
        let lock = file(&path.join(LOCK_FILE)).map_err(not_usable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(SpoolError::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(not_usable(source)),
        }
    }

    pub(super) fn not_usable(&self, source: io::Error) -> SpoolError {
        SpoolError::NotUsable { folder: self.path.clone(), source }
    }

    /// Opens a file of the folder, made where it is missing.
    pub(super) fn open_file(&self, name: &str) -> io::Result<File> {
        file(&self.path.join(name))
    }

    /// Opens a segment; a new one is empty, and not durable before [`Folder::sync`].
    pub(super) fn segment(&self, number: u64) -> io::Result<File> {
        file(&self.segment_path(number))
    }

    pub(super) fn remove_segment(&self, number: u64) {
        let path = self.segment_path(number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%error, file = %path.display(), "a drained segment cannot be removed");
            }
            _ => {}
        }
    }

    /// What a segment holds between two places; less where the file is shorter or gone.
    pub(super) fn read(&self, number: u64, from: u64, to: u64, into: &mut Vec<u8>) -> io::Result<()> {
        let mut file = match File::open(self.segment_path(number)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(from))?;
        file.take(to.saturating_sub(from)).read_to_end(into).map(drop)
    }

    /// Makes names that were added or removed durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Keeps bytes that are no record, at their own place in a file beside the segment, and says so. Never an error: what can
    /// still be read goes on.
    pub(super) fn put_aside(&self, place: Place, bytes: &[u8]) {
        let path = self.segment_path(place.segment).with_extension(BAD);
        let kept = file(&path).and_then(|file| file.write_all_at(bytes, place.offset).and_then(|()| file.sync_all()));
        counter!("refmill_spool_bad_bytes_total").increment(bytes.len() as u64);
        tracing::error!(
            bytes = bytes.len(),
            offset = place.offset,
            kept_in = %path.display(),
            kept = kept.is_ok(),
            "the spool is damaged: acknowledged events that stood in these bytes are lost unless they can be read out of them"
        );
    }

    /// Cuts what a crash left half written, removes what is drained, and counts the rest.
    pub(super) fn recover(&self, cursor: Place) -> Result<Left, SpoolError> {
        let numbers = self.segment_numbers().map_err(|source| self.not_usable(source))?;
        let last = numbers.last().copied();
        let next_segment = last.unwrap_or(0).max(cursor.segment) + 1;
        let mut left = Left { segments: VecDeque::new(), records: 0, oldest: None, next_segment };
        for number in numbers {
            if number < cursor.segment {
                self.remove_segment(number);
                continue;
            }
            let mut bytes = Vec::new();
            self.read(number, 0, u64::MAX, &mut bytes).map_err(|source| self.not_usable(source))?;
            self.check_version(number, &bytes)?;
            let from = if number == cursor.segment { cursor.offset } else { MAGIC.len() as u64 };
            let before = left.records;
            let cut = count(&bytes, Place { segment: number, offset: from }, &mut left);
            let mut length = bytes.len() as u64;
            if let Some((offset, is_torn)) = cut
                && Some(number) == last
            {
                self.cut(Place { segment: number, offset }, &bytes, is_torn)
                    .map_err(|source| self.not_usable(source))?;
                length = offset;
            } else if cut.is_some() {
                // The drain puts it aside when it comes to it.
                left.segments.push_back(Segment { number, length });
                continue;
            }
            if left.records > before {
                left.segments.push_back(Segment { number, length });
            } else {
                self.remove_segment(number);
            }
        }
        Ok(left)
    }

    fn cut(&self, place: Place, bytes: &[u8], is_torn: bool) -> io::Result<()> {
        let tail = usize::try_from(place.offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        if is_torn {
            tracing::warn!(
                bytes = tail.len(),
                segment = place.segment,
                "the spool ended in a record that was never wholly written, so never acknowledged: it is cut off"
            );
        } else {
            self.put_aside(place, tail);
        }
        let file = self.segment(place.segment)?;
        file.set_len(place.offset)?;
        file.sync_all()
    }

    fn check_version(&self, number: u64, bytes: &[u8]) -> Result<(), SpoolError> {
        let is_ours = bytes.starts_with(&MAGIC[..7]);
        match bytes.get(7) {
            Some(version) if is_ours && *version != MAGIC[7] => {
                Err(SpoolError::OtherVersion { file: self.segment_path(number) })
            }
            _ => Ok(()),
        }
    }

    fn segment_numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number: Option<u64> =
                name.to_str().and_then(|name| name.strip_suffix(SEGMENT)?.strip_suffix('.')?.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn segment_path(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:020}.{SEGMENT}"))
    }
}

/// Counts the records from a place on; where the last of them ends, if anything follows, and whether that looks torn.
fn count(bytes: &[u8], mut place: Place, left: &mut Left) -> Option<(u64, bool)> {
    loop {
        let rest = usize::try_from(place.offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        if rest.is_empty() {
            return None;
        }
        match find(rest, place) {
            Found::Whole { record, length } => {
                left.records += 1;
                left.oldest = left.oldest.or(Some(record.at));
                place.offset += length as u64;
            }
            Found::Bad { length } => place.offset += length as u64,
            Found::Tail { is_torn } => return Some((place.offset, is_torn)),
        }
    }
}

fn file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)
}
