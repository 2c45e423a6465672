//! A data folder of a test's own, and all that processes on it said.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) struct Site {
    root: TempDir,
    starts: Cell<u32>,
}

impl Site {
    pub(crate) fn new() -> Site {
        Site { root: tempfile::tempdir().expect("a folder"), starts: Cell::new(0) }
    }

    /// What `--data-dir` names.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub(crate) fn outbox(&self) -> PathBuf {
        self.data().join("outbox")
    }

    /// Beside the data folder, for what a test needs itself.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Files for what one process says, output and errors.
    pub(crate) fn next_streams(&self) -> (PathBuf, PathBuf) {
        let start = self.starts.get();
        self.starts.set(start + 1);
        (self.beside(&format!("stdout.{start}")), self.beside(&format!("stderr.{start}")))
    }

    /// Everything that processes wrote on their output and errors so far.
    pub(crate) fn said(&self) -> Vec<PathBuf> {
        let names = (0..self.starts.get()).flat_map(|start| [format!("stdout.{start}"), format!("stderr.{start}")]);
        names.map(|name| self.beside(&name)).collect()
    }

    /// A copy of one database as it stands, journal included: opening it changes nothing here.
    pub(crate) fn copy_of(&self, database: &str, into: &Path) -> PathBuf {
        std::fs::create_dir_all(into).expect("a folder");
        for end in ["", "-wal"] {
            let name = format!("{database}{end}");
            let from = self.data().join(&name);
            if from.exists() {
                std::fs::copy(from, into.join(&name)).expect("a copy");
            }
        }
        into.join(database)
    }
}

pub(crate) fn create(path: &Path) -> File {
    File::create(path).expect("a file")
}

/// Files under a folder, all the way down.
pub(crate) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder").flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}
