//! A server that goes away and comes back.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use schemas::{decision::Outcome, ids::ConversionId};
use stores::ledger::Ledger;
use tempfile::TempDir;

use crate::{
    place::Database,
    samples::{conversion, count, put},
    several::Owner,
};

/// A server of this test's own.
struct Server {
    folder: TempDir,
}

impl Server {
    fn run(&self, verb: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
        let done = Command::new(script)
            .arg(verb[0])
            .arg("--folder")
            .arg(self.folder.path())
            .args(&verb[1..])
            .output()
            .unwrap();
        assert!(done.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn up() -> (Server, String) {
        let server = Server { folder: TempDir::new().unwrap() };
        let exports = server.run(&["up", "postgres"]);
        let line = exports.lines().find_map(|line| line.strip_prefix("export REFMILL_TEST_POSTGRES="));
        let url = line.unwrap().trim_matches(['\'', '"']).to_owned();
        (server, url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
        let _ = Command::new(script).arg("down").arg("--folder").arg(self.folder.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_fail_while_the_server_is_away_and_work_again_after() {
    let (server, url) = Server::up();
    let database = Database::new(&url).await;
    let ledger = database.open(1, 4).await;
    let epoch = ledger.take(0).await.unwrap().epoch;
    let mut owner = Owner { ledger: ledger.clone(), partition: 0, epoch, next: 0 };
    owner.commit(Default::default(), vec![put(conversion(1)), count(Outcome::Attributed, 1)]).await.unwrap();
    let epoch = owner.epoch;
    let locked = ledger.lock(0, epoch, Default::default()).await.unwrap();
    for how in ["stop", "kill"] {
        server.run(&[how, "postgres"]);
        let started = Instant::now();
        assert!(owner.commit(Default::default(), vec![put(conversion(2))]).await.is_err());
        assert!(ledger.conversion(ConversionId(1)).await.is_err());
        assert!(ledger.take(0).await.is_err());
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        server.run(&["start", "postgres"]);
        check_well(&ledger, &mut owner).await;
    }
    assert!(ledger.commit_locked(locked, owner.batch(Default::default(), Vec::new())).await.is_err());
    check_well(&ledger, &mut owner).await;
    drop(database);
}

/// All that was committed is there, and the owner goes on as the owner it was.
async fn check_well(ledger: &Ledger, owner: &mut Owner) {
    assert_eq!(ledger.conversion(ConversionId(1)).await.unwrap(), Some(conversion(1)));
    assert_eq!(ledger.conversion(ConversionId(2)).await.unwrap(), None);
    assert_eq!(ledger.progress(0).await.unwrap().unwrap().next, owner.next);
    owner.commit(Default::default(), vec![count(Outcome::Attributed, 1)]).await.unwrap();
}
