//! Data folders that cannot be used: a clear error at start, and nothing of what is in them is touched.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rusqlite::Connection;

use crate::server::Launch;
use crate::site::{Site, files_under};
use crate::wait::within;

const REFUSED_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let site = Site::new();
    let file = site.beside("file");
    std::fs::write(&file, "mine").expect("a file");
    // Not even root makes folders in `/proc`.
    let kernel = Path::new("/proc/refmill");
    for path in [file.as_path(), &file.join("data"), kernel] {
        let said = refusal(path);
        assert!(said.contains(&path.display().to_string()) && said.contains("--data-dir"), "{said}");
    }
    assert_eq!(std::fs::read(&file).expect("it is still there"), b"mine");
}

#[test]
fn a_folder_in_use_is_refused_and_its_owner_goes_on() {
    let site = Site::new();
    let server = Launch::new().start(&site);
    let said = refusal(&site.data());
    assert!(said.contains("in use by another"), "{said}");
    let company = server.company();
    server.click(&company, &server.link(&company));
    server.dashboard_says(&company, 1, 0);
    server.stop();
    Launch::new().start(&site).stop();
}

#[test]
fn a_folder_of_a_newer_version_is_refused_and_left_alone() {
    for database in ["log.db", "ledger.db", "touches.db", "catalog.db", "facts.db"] {
        let site = Site::new();
        Launch::new().start(&site).stop();
        let connection = Connection::open(site.data().join(database)).expect("a database");
        let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                     VALUES (1000, 'tomorrow', '2099-01-01T00:00:00Z', '1')";
        connection.execute(newer, []).expect("a newer version");
        connection.close().expect("closed");
        let before = contents(&site);
        let said = refusal(&site.data());
        assert!(said.contains(database) && said.contains("newer version"), "{database}: {said}");
        assert_eq!(contents(&site).get(database), before.get(database), "{database} was changed");

        let connection = Connection::open(site.data().join(database)).expect("a database");
        connection.execute("DELETE FROM refinery_schema_history WHERE version = 1000", []).expect("put back");
        connection.close().expect("closed");
        Launch::new().start(&site).stop();
    }
}

/// What a start that has to fail says on standard error, and nothing on standard output.
fn refusal(data: &Path) -> String {
    let mut child =
        Launch::new().command(data).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("refmill starts");
    let ended = within(REFUSED_WITHIN, || child.try_wait().expect("a child").ok_or_else(|| "it runs".to_owned()));
    child.kill().expect("ended");
    let status = ended.unwrap_or_else(|_| panic!("a start on {} was not refused", data.display()));
    let output = child.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!status.success() && output.stdout.is_empty(), "{status:?} {said}");
    said
}

fn contents(site: &Site) -> std::collections::BTreeMap<String, Vec<u8>> {
    let named = |path: &std::path::PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    files_under(&site.data()).iter().map(|path| (named(path), std::fs::read(path).expect("readable"))).collect()
}
