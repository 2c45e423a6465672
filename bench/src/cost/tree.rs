//! A process with everything that it has started, as `/proc` shows them at one moment.

use std::collections::BTreeMap;

use nix::{time::ClockId, unistd::Pid};
use procfs::process::{ClearRefs, ProcState, Process as Proc, all_processes};

use super::used::{ENDED, Used, part_of};

const NS_A_SECOND: u64 = 1_000_000_000;

/// Who has started whom.
pub(super) struct Kin(BTreeMap<i32, Vec<i32>>);

pub(super) struct Tree {
    root: Id,
    members: BTreeMap<Id, Member>,
}

/// A process id is given out again, but not with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    pid: i32,
    started: u64,
}

struct Member {
    cpu_ns: u64,
    /// Of its children that have ended and that it has waited for, with theirs.
    reaped_ns: u64,
    /// With that of its reaped children. None where it may not be read.
    written_bytes: Option<u64>,
    memory: Memory,
    threads: BTreeMap<i32, (String, u64)>,
}

struct Memory {
    resident_bytes: u64,
    peak_bytes: u64,
    /// Of what is resident: pages of files and those that others may have as well.
    shared_bytes: u64,
}

pub(super) fn forget_peaks(pid: u32, kin: &Kin) {
    for pid in kin.tree(pid) {
        // Not ours to reset, or gone: then its peak since its start is what is known.
        let _ = Proc::new(pid).and_then(|process| process.clear_refs(ClearRefs::PeakRSS));
    }
}

impl Kin {
    pub(super) fn now() -> Kin {
        let mut kin: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        let stats = all_processes().into_iter().flatten().filter_map(|process| process.ok()?.stat().ok());
        for stat in stats {
            kin.entry(stat.ppid).or_default().push(stat.pid);
        }
        Kin(kin)
    }

    /// The process itself and all below it.
    fn tree(&self, pid: u32) -> Vec<i32> {
        let mut tree: Vec<i32> = i32::try_from(pid).into_iter().collect();
        let mut next = 0;
        while let Some(pid) = tree.get(next) {
            tree.extend(self.0.get(pid).into_iter().flatten());
            next += 1;
        }
        tree
    }
}

impl Tree {
    /// None where there is no such process (any more).
    pub(super) fn read(pid: u32, kin: &Kin) -> Option<Tree> {
        let pids = kin.tree(pid);
        let (root, of_root) = Member::read(*pids.first()?)?;
        let mut members: BTreeMap<Id, Member> = pids[1..].iter().filter_map(|pid| Member::read(*pid)).collect();
        members.insert(root, of_root);
        Some(Tree { root, members })
    }

    pub(super) fn is_same(&self, other: &Tree) -> bool {
        self.root == other.root
    }

    pub(super) fn tells_what_it_wrote(&self) -> bool {
        self.members.values().all(|member| member.written_bytes.is_some())
    }

    pub(super) fn used_since(&self, earlier: &Tree) -> Used {
        let mut used = Used::default();
        let (mut living_ns, mut reaped_ns) = (0, 0);
        for (id, member) in &self.members {
            let before = earlier.members.get(id);
            let own_ns = member.cpu_ns.saturating_sub(before.map_or(0, |before| before.cpu_ns));
            reaped_ns += member.reaped_ns.saturating_sub(before.map_or(0, |before| before.reaped_ns));
            living_ns += own_ns;
            let by_thread = member.threads_since(before, &mut used.cpu_ns_by_part);
            *used.cpu_ns_by_part.entry(ENDED.to_owned()).or_default() += own_ns.saturating_sub(by_thread);
        }
        // Who was there before and has ended had used some of what its parent has now taken over.
        let gone = earlier.members.iter().filter(|(id, _)| !self.members.contains_key(id));
        let reaped_ns = reaped_ns.saturating_sub(gone.map(|(_, gone)| gone.cpu_ns + gone.reaped_ns).sum());
        *used.cpu_ns_by_part.entry(ENDED.to_owned()).or_default() += reaped_ns;
        used.cpu_ns = living_ns + reaped_ns;
        used.written_bytes = self.written_bytes().saturating_sub(earlier.written_bytes());
        used
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.sum_memory(|memory| memory.resident_bytes)
    }

    pub(super) fn peak_bytes(&self) -> u64 {
        self.sum_memory(|memory| memory.peak_bytes)
    }

    /// What each has for itself, and once the most that any of them shares: children mostly share what their parent gave them.
    fn sum_memory(&self, of: impl Fn(&Memory) -> u64) -> u64 {
        let memory = || self.members.values().map(|member| &member.memory);
        let alone: u64 = memory().map(|memory| of(memory).saturating_sub(memory.shared_bytes)).sum();
        alone + memory().map(|memory| memory.shared_bytes).max().unwrap_or_default()
    }

    fn written_bytes(&self) -> u64 {
        self.members.values().filter_map(|member| member.written_bytes).sum()
    }
}

impl Member {
    /// None where it has ended, or ends meanwhile.
    fn read(pid: i32) -> Option<(Id, Member)> {
        let process = Proc::new(pid).ok()?;
        // To the nanosecond and with the threads that have ended, which `stat` tells in ticks and `schedstat` not at all.
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid)).and_then(ClockId::now).ok()?;
        let cpu_ns = clock.tv_sec().cast_unsigned() * NS_A_SECOND + clock.tv_nsec().cast_unsigned();
        let status = process.status().ok()?;
        let stat = process.stat().ok()?;
        if matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead)) {
            return None;
        }
        let kib = |kib: Option<u64>| kib.unwrap_or_default() * 1_024;
        let reaped_ticks = (stat.cutime + stat.cstime).max(0).cast_unsigned();
        let member = Member {
            cpu_ns,
            reaped_ns: reaped_ticks * (NS_A_SECOND / procfs::ticks_per_second().max(1)),
            written_bytes: process.io().ok().map(|io| io.write_bytes),
            memory: Memory {
                resident_bytes: kib(status.vmrss),
                peak_bytes: kib(status.vmhwm),
                shared_bytes: kib(status.rssfile) + kib(status.rssshmem),
            },
            threads: threads(&process),
        };
        Some((Id { pid, started: stat.starttime }, member))
    }

    /// Adds what each thread has used since, by part; returns the sum.
    fn threads_since(&self, earlier: Option<&Member>, parts: &mut BTreeMap<String, u64>) -> u64 {
        let mut sum = 0;
        for (tid, (name, ns)) in &self.threads {
            let before = earlier.and_then(|earlier| earlier.threads.get(tid)).map_or(0, |(_, ns)| *ns);
            // A thread id is given out again: then all of it is new.
            let used_ns = ns.checked_sub(before).unwrap_or(*ns);
            *parts.entry(part_of(name)).or_default() += used_ns;
            sum += used_ns;
        }
        sum
    }
}

fn threads(process: &Proc) -> BTreeMap<i32, (String, u64)> {
    let tasks = process.tasks().into_iter().flatten().flatten();
    tasks
        .filter_map(|task| Some((task.tid, (task.stat().ok()?.comm, task.schedstat().ok()?.sum_exec_runtime))))
        .collect()
}
