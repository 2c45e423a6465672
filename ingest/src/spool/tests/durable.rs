//! What is acknowledged is on the disk.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead, BufReader},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use stores::log::{Class, Health};

use super::scene::{Running, config, crashed, folder, marked, now, put, record, segments, sent_after};
use crate::{
    append::Taken,
    spool::{Spool, writer::durably},
};

const RECORDS: usize = 40;

/// How far each file, by its number on the disk, is synced.
type Synced = Arc<Mutex<HashMap<u64, u64>>>;

/// Power is lost: of each segment only what was synced is there.
fn power_lost(folder: &Path, synced: &Synced) -> tempfile::TempDir {
    let left = crashed(folder);
    let synced = synced.lock().unwrap();
    for (file, copy) in segments(folder).iter().zip(segments(left.path())) {
        let length = synced.get(&fs::metadata(file).unwrap().ino()).copied().unwrap_or(0);
        File::options().write(true).open(copy).unwrap().set_len(length).unwrap();
    }
    left
}

async fn check_acknowledged_survives<W>(write: impl FnOnce(Synced) -> W) -> Result<(), String>
where
    W: FnMut(&File, &[u8], u64) -> io::Result<()> + Send + 'static,
{
    let (folder, synced) = (folder(), Synced::default());
    let opened = Spool::open_on(config(folder.path()), now, write(Arc::clone(&synced))).unwrap();
    let running = Running::of(opened, Health::Away);
    running.away().await;
    running.put(0..RECORDS).await;
    let left = power_lost(folder.path(), &synced);
    running.stop().await;
    let sent = sent_after(left.path()).await;
    let wanted: Vec<_> = (0..RECORDS).map(marked).collect();
    if sent == wanted { Ok(()) } else { Err(format!("{} of {RECORDS} acknowledged records survive", sent.len())) }
}

#[tokio::test]
async fn what_is_acknowledged_survives_a_loss_of_power() {
    let write = |synced: Synced| {
        move |file: &File, bytes: &[u8], offset: u64| {
            durably(file, bytes, offset)?;
            let metadata = file.metadata()?;
            synced.lock().unwrap().insert(metadata.ino(), metadata.len());
            Ok(())
        }
    };
    check_acknowledged_survives(write).await.unwrap();
}

#[tokio::test]
async fn acknowledging_before_the_sync_is_caught() {
    let write = |_| |file: &File, bytes: &[u8], offset: u64| file.write_all_at(bytes, offset);
    assert!(check_acknowledged_survives(write).await.is_err());
}

const CHILDS_FOLDER: &str = "REFMILL_TEST_SPOOL";

/// The process that is killed: says each number once it is acknowledged.
#[tokio::test]
async fn a_child_to_be_killed() {
    let Some(folder) = std::env::var_os(CHILDS_FOLDER) else { return };
    let running = Running::start(config(Path::new(&folder)), Health::Away);
    running.away().await;
    for number in 0.. {
        assert_eq!(put(&running.spool, Class::Click, record(number)).await, Ok(Taken::Spool));
        println!("acknowledged {number}");
    }
}

#[tokio::test]
async fn what_is_acknowledged_survives_kill_9() {
    for kill_after in [0, 3, 57, 200] {
        let folder = folder();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "spool::tests::durable::a_child_to_be_killed", "--nocapture"])
            .env(CHILDS_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let number = |line: String| line.split_once("acknowledged ")?.1.parse::<usize>().ok();
        let seen = said.by_ref().filter_map(number).find(|number| *number >= kill_after);
        child.kill().unwrap();
        child.wait().unwrap();
        let last = said.filter_map(number).last().or(seen).expect("it said something");
        let sent = sent_after(folder.path()).await;
        assert!(sent.len() > last, "{} were acknowledged and {} are there", last + 1, sent.len());
        assert_eq!(sent, (0..sent.len()).map(marked).collect::<Vec<_>>());
    }
}
