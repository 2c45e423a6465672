//! A Postgres of a test's own, to be stopped and looked into.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use tempfile::TempDir;

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services");

pub(crate) struct OwnServer {
    /// Where it keeps its data and its log.
    pub(crate) folder: TempDir,
    pub(crate) url: String,
}

impl OwnServer {
    pub(crate) fn start() -> OwnServer {
        // Postgres may run as another user, who has to get in.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
        let parent = std::process::id().to_string();
        let told = services(folder.path(), &["up", "--with-parent", &parent, "postgres"]);
        let url = told.lines().find_map(|line| line.strip_prefix("export REFMILL_TEST_POSTGRES=")).unwrap();
        OwnServer { url: url.trim_matches(['"', '\'']).to_owned(), folder }
    }

    pub(crate) fn run(&self, verb: &str) {
        services(self.folder.path(), &[verb, "postgres"]);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        services(self.folder.path(), &["down"]);
    }
}

fn services(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new(SERVICES);
    command.args(&words[..1]).arg("--folder").arg(folder).args(&words[1..]);
    let done = command.env_remove("REFMILL_SERVICES_DIR").output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
