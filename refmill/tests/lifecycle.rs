//! A process from its first line to its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Running {
    child: Child,
    metrics: String,
}

impl Running {
    fn start(data: &Path) -> Self {
        let mut child = up(data).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("refmill starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let metrics =
            out.lines().map_while(Result::ok).find_map(|line| line.strip_prefix("metrics http://").map(str::to_owned));
        Self { child, metrics: metrics.expect("a line that says where the metrics are") }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn up(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refmill"));
    command
        .args(["up", "--no-demo", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--data-dir"])
        .arg(data);
    command
}

#[test]
fn metrics_are_served_until_sigterm_and_the_end_is_clean() {
    for signal in ["-TERM", "-INT"] {
        let data = tempfile::tempdir().expect("a folder");
        let mut running = Running::start(data.path());
        let mut stream = TcpStream::connect(&running.metrics).expect("connects");
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("sends");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("reads");
        for part in ["HTTP/1.0 200", "refmill_build_info{version=", "process_open_fds "] {
            assert!(reply.contains(part), "{part} is not in {reply}");
        }
        running.signal(signal);
        assert!(running.child.wait().expect("ends").success(), "{signal}");
    }
}

#[test]
fn a_folder_in_use_and_one_that_cannot_be_are_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let folder = data.path().join("data");
    let _running = Running::start(&folder);
    for (path, part) in [(folder.as_path(), "is in use by another process"), (file.as_path(), "cannot be written")] {
        let output = up(path).output().expect("refmill starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(part), "{part} is not in {said}");
        assert!(output.stdout.is_empty());
    }
}

/// What an idle process may hold, in KiB.
const IDLE_KIB_MAX: u64 = 60 * 1_024;

#[test]
fn an_idle_process_stays_small() {
    let data = tempfile::tempdir().expect("a folder");
    let running = Running::start(data.path());
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.child.id())).expect("Linux tells");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("what is resident");
    let resident_kib: u64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(resident_kib <= IDLE_KIB_MAX, "{resident_kib} KiB");
}
