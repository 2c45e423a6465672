//! A deployment: its roles as processes, and where each can be reached now.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;
use std::rc::Rc;

use tempfile::TempDir;

use crate::role::{Does, Role};
use crate::servers::{Kind, Place, Servers};

/// What is started, and how many of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    pub(crate) ups: usize,
    pub(crate) edges: usize,
    pub(crate) processors: usize,
    pub(crate) apis: usize,
    pub(crate) partitions: u32,
    /// After how long without a sign of life a processor's partitions go to others.
    pub(crate) session_ms: u64,
    pub(crate) own_servers: &'static [Kind],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Embedded,
    Distributed,
}

/// Of the decisions' topic.
pub(crate) const REPLY_PARTITIONS: u32 = 2;

/// Roles end first, then what they kept is taken away, then the folder goes.
pub(crate) struct Cluster {
    pub(crate) roles: Vec<Role>,
    place: Option<Place>,
    pub(crate) plan: Plan,
    targets: Targets,
    folder: TempDir,
}

/// Who can be asked at this moment: it changes while processes come and go.
#[derive(Clone, Default)]
pub(crate) struct Targets(Rc<RefCell<Vec<(Does, SocketAddr)>>>);

impl Plan {
    pub(crate) const DISTRIBUTED: Plan = Plan {
        shape: Shape::Distributed,
        ups: 0,
        edges: 2,
        processors: 2,
        apis: 1,
        partitions: 4,
        session_ms: 3_000,
        own_servers: &[],
    };
    pub(crate) const EMBEDDED: Plan = Plan {
        shape: Shape::Embedded,
        ups: 1,
        edges: 0,
        processors: 0,
        apis: 0,
        partitions: 1,
        session_ms: 0,
        own_servers: &[],
    };
    /// Every role in each of two processes.
    pub(crate) const UPS: Plan = Plan { ups: 2, edges: 0, processors: 0, apis: 0, ..Plan::DISTRIBUTED };
}

impl Cluster {
    /// All of it, started and ready.
    pub(crate) async fn start(plan: Plan) -> Cluster {
        let mut cluster = Cluster::prepare(plan).await;
        for number in 0..cluster.roles.len() {
            cluster.start_role(number).await;
        }
        cluster
    }

    /// Nothing runs yet but the servers.
    pub(crate) async fn prepare(plan: Plan) -> Cluster {
        let place = match plan.shape {
            Shape::Embedded => None,
            Shape::Distributed if plan.own_servers.is_empty() => Some(Place::new(Servers::shared()).await),
            Shape::Distributed => Some(Place::new(Servers::with_own(plan.own_servers)).await),
        };
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Cluster { roles: Vec::new(), place, plan, targets: Targets::default(), folder };
        let processors = (Does::Process, plan.processors);
        for (does, count) in [processors, (Does::Up, plan.ups), (Does::Api, plan.apis), (Does::Ingest, plan.edges)] {
            for _ in 0..count {
                cluster.add(does);
            }
        }
        cluster
    }

    /// One more role, not started yet; its number.
    pub(crate) fn add(&mut self, does: Does) -> usize {
        let same = self.roles.iter().filter(|role| role.does == does).count();
        let role = Role::new(does, same, self.folder.path(), self.args());
        self.roles.push(role);
        self.roles.len() - 1
    }

    pub(crate) fn place(&self) -> &Place {
        self.place.as_ref().expect("only the distributed shape has a place on servers")
    }

    pub(crate) fn servers(&self) -> &Servers {
        &self.place().servers
    }

    pub(crate) fn targets(&self) -> Targets {
        self.targets.clone()
    }

    /// The numbers of the roles that do this.
    pub(crate) fn those(&self, does: Does) -> Vec<usize> {
        (0..self.roles.len()).filter(|number| self.roles[*number].does == does).collect()
    }

    /// What the embedded shape keeps.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("up-0").join("data")
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn start_role(&mut self, number: usize) {
        self.roles[number].start().await;
        self.tell();
    }

    pub(crate) fn kill_role(&mut self, number: usize) {
        self.roles[number].kill();
        self.tell();
    }

    /// It must end well.
    pub(crate) async fn stop_role(&mut self, number: usize) {
        let name = self.roles[number].name.clone();
        self.roles[number].address = None;
        self.tell();
        let status = self.roles[number].stop().await;
        assert!(status.success(), "{name} ended with {status}:\n{}", self.roles[number].said());
    }

    pub(crate) async fn stop_all(&mut self, does: Does) {
        for number in self.those(does) {
            if self.roles[number].runs() {
                self.stop_role(number).await;
            }
        }
    }

    pub(crate) async fn start_all(&mut self, does: Does) {
        for number in self.those(does) {
            self.start_role(number).await;
        }
    }

    /// Something that is done by hand beside the roles.
    pub(crate) fn beside_roles(&self, words: &[&str]) -> Child {
        crate::role::started(words, &self.folder.path().join("beside"), &self.args())
    }

    fn tell(&self) {
        let now = self.roles.iter().filter_map(|role| Some((role.does, role.address?))).collect();
        *self.targets.0.borrow_mut() = now;
    }

    fn args(&self) -> Vec<String> {
        let plan = self.plan;
        let mut args = vec!["--no-demo".to_owned()];
        let mut set = |flag: &str, value: &str| args.extend([flag.to_owned(), value.to_owned()]);
        set("--listen", "127.0.0.1:0");
        set("--metrics-listen", "127.0.0.1:0");
        set("--log-level", "warn");
        set("--clicks-per-ip-per-hour", "0");
        set("--requests-per-key-per-second", "0");
        set("--trusted-proxies", "127.0.0.0/8");
        if let Some(place) = &self.place {
            set("--kafka", &place.servers.kafka);
            set("--redis", &place.servers.redis);
            set("--clickhouse", &place.servers.clickhouse);
            set("--postgres", &place.postgres());
            set("--partitions", &plan.partitions.to_string());
            set("--reply-partitions", &REPLY_PARTITIONS.to_string());
            set("--kafka-replication", "1");
            set("--topic-prefix", &place.prefix);
            set("--session-timeout-ms", &plan.session_ms.to_string());
            args.push("--create-topics".to_owned());
        }
        args
    }
}

impl Targets {
    /// The nth of those that take events in, counted round and round; none where all are down.
    pub(crate) fn edge(&self, n: usize) -> Option<SocketAddr> {
        self.nth(&[Does::Ingest, Does::Up], n)
    }

    pub(crate) fn api(&self, n: usize) -> Option<SocketAddr> {
        self.nth(&[Does::Api, Does::Up], n)
    }

    /// One whose way to Kafka is slow.
    pub(crate) fn late_edge(&self, n: usize) -> Option<SocketAddr> {
        self.nth(&[Does::LateIngest], n)
    }

    fn nth(&self, does: &[Does], n: usize) -> Option<SocketAddr> {
        let all = self.0.borrow();
        let able: Vec<_> = all.iter().filter(|(what, _)| does.contains(what)).collect();
        (!able.is_empty()).then(|| able[n % able.len()].1)
    }
}
