//! Who decides which partition.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc as lines,
    thread,
    time::{Duration, Instant},
};

use stores::{
    Servers,
    log::{LetGo, Log, LogLimits, Moved, Ownership},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::place::{PATIENCE, Place, eventually, places, servers};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_alone_has_all() {
    for place in places().into_iter().chain([Place::distributed(4)]) {
        let log = place.open().await;
        let mut ownership = log.ownership().unwrap();
        let mut owned = BTreeSet::new();
        while owned.len() < log.partitions() as usize {
            match timeout(PATIENCE, ownership.next()).await.expect("it is given").unwrap() {
                Moved::Take(partition) => assert!(owned.insert(partition)),
                Moved::LetGo { partition, .. } => panic!("{partition} is asked back"),
            }
        }
        assert_eq!(owned, (0..log.partitions()).collect());
        assert!(timeout(Duration::from_millis(200), ownership.next()).await.is_err(), "and keeps them");
        ownership.leave().await;
        log.close().await;
        place.clear().await;
    }
}

/// A process that owns what it is given, and lets go at once when it is asked to.
struct Member {
    log: Log,
    owned: watch::Receiver<BTreeSet<u32>>,
    work: JoinHandle<Ownership>,
    stop: mpsc::Sender<()>,
}

impl Member {
    async fn join(servers: &Servers) -> Member {
        let log = Log::connect(servers, LogLimits::default(), true).await.unwrap();
        let mut ownership = log.ownership().unwrap();
        let (owning, owned) = watch::channel(BTreeSet::new());
        let (stop, mut stopped) = mpsc::channel(1);
        let work = tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stopped.recv() => return ownership,
                    moved = ownership.next() => owning.send_modify(|owned| match moved.unwrap() {
                        Moved::Take(partition) => assert!(owned.insert(partition), "given twice"),
                        Moved::LetGo { partition, .. } => assert!(owned.remove(&partition), "taken without having been given"),
                    }),
                }
            }
        });
        Member { log, owned, work, stop }
    }

    fn owned(&self) -> BTreeSet<u32> {
        self.owned.borrow().clone()
    }

    async fn leave(self) {
        self.stop.send(()).await.unwrap();
        self.work.await.unwrap().leave().await;
        self.log.close().await;
    }
}

async fn await_shared(members: &[&Member], partitions: u32) {
    let all: BTreeSet<u32> = (0..partitions).collect();
    let share = partitions as usize / members.len();
    eventually("shared out evenly", async || {
        let shares: Vec<_> = members.iter().map(|member| member.owned()).collect();
        let is_fair = shares.iter().all(|owned| owned.len().abs_diff(share) <= 1);
        is_fair
            && shares.iter().map(BTreeSet::len).sum::<usize>() == all.len()
            && shares.into_iter().flatten().collect::<BTreeSet<_>>() == all
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_move_when_members_come_and_leave_and_most_stay() {
    /// Far longer than it takes to hear of somebody who has left, on a busy machine too.
    const LONG_SESSION: Duration = Duration::from_secs(15);
    let servers = Servers { session: LONG_SESSION, ..servers(8) };
    let one = Member::join(&servers).await;
    await_shared(&[&one], 8).await;
    let before = one.owned();
    let two = Member::join(&servers).await;
    await_shared(&[&one, &two], 8).await;
    assert!(one.owned().is_subset(&before));
    let kept = two.owned();
    let left = Instant::now();
    one.leave().await;
    await_shared(&[&two], 8).await;
    assert!(left.elapsed() < servers.session, "no session is waited for: {:?}", left.elapsed());
    assert!(kept.is_subset(&two.owned()));
    two.leave().await;
    Place::Distributed(Box::new(servers)).clear().await;
}

/// Nobody is given a partition before its last owner has let go of it.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_partition_waits_for_who_lets_go_of_it() {
    const HOLD: Duration = Duration::from_secs(2);
    let servers = servers(2);
    let log = Log::connect(&servers, LogLimits::default(), true).await.unwrap();
    let mut ownership = log.ownership().unwrap();
    for _ in 0..2 {
        assert!(matches!(timeout(PATIENCE, ownership.next()).await.unwrap().unwrap(), Moved::Take(_)));
    }
    let other = Member::join(&servers).await;
    let moved = timeout(PATIENCE, ownership.next()).await.unwrap().unwrap();
    let Moved::LetGo { partition, gone } = moved else { panic!("{moved:?}") };
    let asked = Instant::now();
    assert!(!has(&other, partition, HOLD).await, "it is held");
    assert!(asked.elapsed() >= HOLD);
    let_go(gone);
    assert!(has(&other, partition, PATIENCE).await);
    ownership.leave().await;
    await_shared(&[&other], 2).await;
    other.leave().await;
    log.close().await;
    Place::Distributed(Box::new(servers)).clear().await;
}

async fn has(member: &Member, partition: u32, within: Duration) -> bool {
    let mut owned = member.owned.clone();
    timeout(within, owned.wait_for(|owned| owned.contains(&partition))).await.is_ok()
}

fn let_go(gone: LetGo) {
    drop(gone);
}

/// Names the topics of a process that is to be a member, for as long as it lives.
const MEMBER_OF: &str = "REFMILL_TEST_MEMBER_OF";

const SESSION: Duration = Duration::from_secs(2);

/// Another process, to be killed and frozen.
struct Process {
    child: Child,
    said: lines::Receiver<String>,
}

impl Process {
    fn start(servers: &Servers) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "ownership::who_is_killed_or_frozen_loses_all_after_the_session", "--nocapture"]);
        command.env(MEMBER_OF, &servers.prefix).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (saying, said) = lines::sync_channel(64);
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| saying.send(line)));
        Process { child, said }
    }

    fn await_said(&self, wanted: &str) {
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never says {wanted}"));
            if line.contains(wanted) {
                return;
            }
        }
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the other process does.
async fn be_a_member(servers: &Servers) {
    let log = Log::connect(servers, LogLimits::default(), false).await.unwrap();
    let mut ownership = log.ownership().unwrap();
    loop {
        match ownership.next().await.unwrap() {
            Moved::Take(partition) => println!("takes {partition}"),
            Moved::LetGo { partition, .. } => println!("lets go of {partition}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_killed_or_frozen_loses_all_after_the_session() {
    if let Ok(prefix) = std::env::var(MEMBER_OF) {
        be_a_member(&Servers { prefix, session: SESSION, ..servers(2) }).await;
    }
    let servers = Servers { session: SESSION, ..servers(2) };
    let member = Member::join(&servers).await;
    await_shared(&[&member], 2).await;
    let mut least = Duration::MAX;
    for signal in ["-KILL", "-STOP"] {
        let process = Process::start(&servers);
        process.await_said("takes");
        eventually("one is given away", async || member.owned().len() == 1).await;
        process.signal(signal);
        let ended = Instant::now();
        await_shared(&[&member], 2).await;
        let waited = ended.elapsed();
        assert!(waited >= SESSION / 2 && waited < SESSION * 10, "{waited:?}");
        least = least.min(waited);
        if signal == "-STOP" {
            process.signal("-CONT");
            process.await_said("lets go of");
            process.await_said("takes");
        }
    }
    // A busy machine may be late once. That it is this session, and not the usual one of 10 s, shows in the other.
    assert!(least < SESSION * 4, "{least:?}");
    await_shared(&[&member], 2).await;
    member.leave().await;
    Place::Distributed(Box::new(servers)).clear().await;
}
