use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio, id},
};

use stores::Servers;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::place::servers;

/// A broker of our own, to be ended and frozen.
pub(crate) struct Broker {
    folder: TempDir,
    address: String,
}

/// One for all tests, which take turns; it ends with the process.
static BROKER: Mutex<Option<Broker>> = Mutex::const_new(None);

pub(crate) async fn broker() -> MutexGuard<'static, Option<Broker>> {
    let mut broker = BROKER.lock().await;
    if broker.is_none() {
        *broker = Some(Broker::start_new(1));
    }
    broker
}

/// As many as can lose one of them.
pub(crate) fn three_brokers() -> Broker {
    Broker::start_new(3)
}

impl Broker {
    fn start_new(brokers: usize) -> Broker {
        let folder = TempDir::new().unwrap();
        let (parent, brokers) = (id().to_string(), brokers.to_string());
        let said = services(&folder, &["up", "--with-parent", &parent, "--brokers", &brokers], &["kafka"]);
        let address = said.split("REFMILL_TEST_KAFKA='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        Broker { address: address.to_owned(), folder }
    }

    /// Ends all, where it does not end with the process.
    pub(crate) fn end(self) {
        services(&self.folder, &["down"], &[]);
    }

    pub(crate) fn kill_one(&self, name: &str) {
        services(&self.folder, &["kill"], &[name]);
    }

    pub(crate) fn servers(&self, partitions: u32) -> Servers {
        Servers { kafka: self.address.clone(), ..servers(partitions) }
    }

    pub(crate) fn kill(&self) {
        services(&self.folder, &["kill"], &["kafka"]);
    }

    pub(crate) fn start(&self) {
        services(&self.folder, &["start"], &["kafka"]);
    }

    pub(crate) fn freeze(&self) -> Frozen<'_> {
        self.signal("-STOP");
        Frozen(self)
    }

    fn signal(&self, signal: &str) {
        let process = fs::read_to_string(self.folder.path().join("kafka-1/process")).unwrap();
        let process = process.split(' ').next().unwrap();
        assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
    }
}

/// Until it is dropped.
pub(crate) struct Frozen<'a>(&'a Broker);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.signal("-CONT");
    }
}

fn services(folder: &TempDir, verb: &[&str], names: &[&str]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let (verb, options) = verb.split_first().unwrap();
    let mut command = Command::new(script);
    command.arg(verb).arg("--folder").arg(folder.path()).args(options).args(names);
    // What is running for the other tests is not ours to end.
    command.env_remove("REFMILL_SERVICES_DIR").env_remove("REFMILL_TEST_KAFKA");
    let said = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(said.status.success(), "{command:?}");
    String::from_utf8(said.stdout).unwrap()
}
