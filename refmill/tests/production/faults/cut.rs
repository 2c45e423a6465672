//! The log's tail is cut: a broker comes back with an older copy of its disk. The ledger has decided records that are not there any
//! more, and others take their places. Nobody decides on those; with the right disk back all goes on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::audit::audit;
use crate::books::settled;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::hands::{Hands, with_budget};
use crate::role::Does;
use crate::servers::{Kind, copy_folder};
use crate::stream::Stream;
use crate::wait::eventually;
use crate::{on_one_thread, rounds};

const NOTICED_WITHIN: Duration = Duration::from_secs(60);
const LANES: usize = 10;
/// Past what was decided, so that the offset to be decided next is there.
const PAST: u64 = 3;
const NOTHING_MINOR: i64 = 0;

/// What the processors do while the log loses its end and others' records take the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processors {
    /// They start after it.
    Stopped,
    /// They read on where they stood, and have seen nothing of it.
    Held,
}

#[test]
fn a_log_whose_tail_is_cut_is_not_decided_on() {
    let cuts = rounds("REFMILL_CUTS", 1);
    on_one_thread(async {
        // Longer than a broker's restart takes, so that who is held does not let go of its partitions by itself.
        let plan = Plan { own_servers: &[Kind::Kafka], session_ms: 20_000, ..Plan::DISTRIBUTED };
        let mut cluster = Cluster::start(plan).await;
        let mut runs = vec![Load::run(&cluster, Stream::new(141, LANES, 4)).await];
        settled(&cluster).await.expect("it settles");
        let older = cluster.beside("older-kafka");
        // With no members of their group on that disk, for whose signs of life it would wait.
        cluster.stop_all(Does::Process).await;
        cluster.servers().stop(Kind::Kafka).await;
        copy_folder(&cluster.servers().folder(Kind::Kafka), &older);
        cluster.servers().start(Kind::Kafka).await;
        cluster.start_all(Does::Process).await;
        for cut in 0..cuts {
            for processors in [Processors::Held, Processors::Stopped] {
                let seed = 1_000 + 10 * cut as u64 + processors as u64;
                runs.push(Load::run(&cluster, Stream::new(seed, LANES, 4)).await);
                settled(&cluster).await.expect("it settles");
                one_cut(&mut cluster, &older, processors).await;
            }
        }
        audit(&cluster, &runs).await;
    });
}

async fn one_cut(cluster: &mut Cluster, older: &Path, processors: Processors) {
    cluster.stop_all(Does::Ingest).await;
    cluster.stop_all(Does::Api).await;
    match processors {
        Processors::Stopped => cluster.stop_all(Does::Process).await,
        Processors::Held => cluster.those(Does::Process).into_iter().for_each(|one| cluster.roles[one].freeze()),
    }
    let servers = cluster.servers();
    servers.stop(Kind::Kafka).await;
    let (disk, whole) = (servers.folder(Kind::Kafka), cluster.beside("whole-kafka"));
    copy_folder(&disk, &whole);
    put(older, &disk);
    servers.start(Kind::Kafka).await;
    let decided = progress(cluster).await;
    let cut = fill(cluster, &decided).await;
    for number in cluster.those(Does::Process) {
        match processors {
            Processors::Stopped => cluster.roles[number].spawn(),
            Processors::Held => cluster.roles[number].thaw(),
        }
    }
    all_say_so(cluster).await;
    let mut now = progress(cluster).await;
    for of in cut.iter().map(u32::to_string).chain(["transfers".to_owned()]) {
        assert_eq!(now.remove(&of), decided.get(&of).cloned(), "{processors:?}: nothing is decided of {of}");
    }
    cluster.those(Does::Process).into_iter().for_each(|number| cluster.kill_role(number));
    cluster.servers().kill(Kind::Kafka).await;
    put(&whole, &disk);
    std::fs::remove_dir_all(&whole).expect("it goes");
    cluster.servers().start(Kind::Kafka).await;
    for does in [Does::Process, Does::Api, Does::Ingest] {
        cluster.start_all(does).await;
    }
}

fn put(copy: &Path, disk: &Path) {
    std::fs::remove_dir_all(disk).expect("it goes");
    copy_folder(copy, disk);
}

/// By partition the offset to be decided next, and how much money there is and has moved.
async fn progress(cluster: &Cluster) -> BTreeMap<String, String> {
    let ask = "SELECT partition::text, next::text FROM ledger.progress UNION ALL
               SELECT 'transfers', concat(count(*), ' of ', sum(amount_minor)) FROM ledger.transfers";
    let rows = cluster.place().sql(ask).await.expect("progress");
    rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

/// Other records than were decided, in every partition that has lost some up to where it is to be decided next and past it.
async fn fill(cluster: &Cluster, decided: &BTreeMap<String, String>) -> Vec<u32> {
    let mut cut = Vec::new();
    let hands = Hands::on(cluster).await;
    let of = hands.company(|program| with_budget(program, NOTHING_MINOR)).await;
    for partition in 0..cluster.plan.partitions {
        let next: u64 = decided[&partition.to_string()].parse().expect("an offset");
        let end = hands.stores.log.span(partition).await.expect("the log answers").end;
        if end >= next {
            continue;
        }
        cut.push(partition);
        let link = hands.link(of, |there| there == partition).await;
        hands.append((end..next + PAST).map(|_| hands.click(&link, hands.receipt(&link))).collect()).await;
    }
    hands.close().await;
    assert!(!cut.is_empty(), "something is lost");
    cut
}

/// Each processor ends and says that this is not the log that belongs to the ledger.
async fn all_say_so(cluster: &mut Cluster) {
    let roles = &mut cluster.roles;
    eventually(NOTICED_WITHIN, "the processors say that the log is another one, and end", async || {
        let processors = roles.iter_mut().filter(|role| role.does == Does::Process);
        let told: Vec<(bool, String)> = processors.map(|role| (role.has_ended(), role.said())).collect();
        let is_said = |said: &str| {
            said.contains("Put back the log and the ledger that belong together")
                || said.contains("cannot be read from")
        };
        if told.iter().all(|(ended, said)| *ended && is_said(said)) { Ok(()) } else { Err(format!("{told:#?}")) }
    })
    .await;
}
