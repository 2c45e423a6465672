//! How far the spool is in the log: two slots of one file that are written in turn, so that one of them is always whole.

use std::{fs::File, io, os::unix::fs::FileExt};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    error::SpoolError,
    folder::Folder,
    record::{MAGIC, Place},
};

pub(super) const FILE: &str = "cursor";

/// Each slot is in a block of its own.
const SLOT_BYTES: usize = 4_096;
const SLOT_USED: usize = 32;

pub(super) struct CursorFile {
    file: File,
    writes: u64,
}

impl CursorFile {
    /// The file and what it says. One that can't be read says that all goes again, which copies are recognised for.
    pub(super) fn open(folder: &Folder) -> Result<(CursorFile, Place), SpoolError> {
        let open = || -> io::Result<(CursorFile, Place)> {
            let file = folder.open_file(FILE)?;
            let mut bytes = vec![0; 2 * SLOT_BYTES];
            if file.metadata()?.len() < bytes.len() as u64 {
                // Written out, so that saving needs no room on a disk that has filled up since.
                file.write_all_at(&bytes, 0)?;
                file.sync_all()?;
                folder.sync()?;
            }
            file.read_exact_at(&mut bytes, 0)?;
            let newest = bytes.chunks(SLOT_BYTES).filter_map(read).max_by_key(|(writes, _)| *writes);
            let (writes, place) = newest.unwrap_or((0, Place { segment: 0, offset: MAGIC.len() as u64 }));
            Ok((CursorFile { file, writes }, place))
        };
        open().map_err(|source| folder.not_usable(source))
    }

    /// Durable when it returns.
    pub(super) fn save(&mut self, place: Place) -> io::Result<()> {
        let writes = self.writes + 1;
        let mut slot = Vec::with_capacity(SLOT_USED);
        for number in [writes, place.segment, place.offset] {
            slot.extend_from_slice(&number.to_be_bytes());
        }
        slot.extend_from_slice(&xxh3_64(&slot).to_be_bytes());
        self.file.write_all_at(&slot, writes % 2 * SLOT_BYTES as u64)?;
        self.file.sync_data()?;
        self.writes = writes;
        Ok(())
    }
}

fn read(slot: &[u8]) -> Option<(u64, Place)> {
    let number = |at: usize| slot.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
    let (writes, segment, offset) = (number(0)?, number(8)?, number(16)?);
    let is_whole = number(24)? == xxh3_64(slot.get(..24)?);
    is_whole.then_some((writes, Place { segment, offset }))
}
