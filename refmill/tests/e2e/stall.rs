//! A disk that does not finish: the log's fsync waits until it is let go.

use std::path::PathBuf;
use std::process::Command;

use crate::server::Launch;
use crate::site::Site;

const SOURCE: &str = include_str!("overload/stall.c");

pub(crate) struct Stall {
    library: PathBuf,
    gate: PathBuf,
}

impl Stall {
    /// Makes the library that does it, with the machine's C compiler.
    pub(crate) fn new(site: &Site) -> Stall {
        let (source, library) = (site.beside("stall.c"), site.beside("stall.so"));
        std::fs::write(&source, SOURCE).expect("a file");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).output();
        let built = built.expect("cc: scripts/test installs it");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Stall { library, gate: site.beside("gate") }
    }

    pub(crate) fn on(&self, launch: Launch) -> Launch {
        launch.env("LD_PRELOAD", &self.library).env("STALL_PATH", "log.db").env("STALL_WHILE", &self.gate)
    }

    pub(crate) fn begin(&self) {
        std::fs::write(&self.gate, "").expect("a file");
    }

    pub(crate) fn end(&self) {
        std::fs::remove_file(&self.gate).expect("the gate was there");
    }
}
