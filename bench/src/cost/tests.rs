use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use super::{
    Idle, Process, Reading, forget_peaks,
    used::{Used, part_of},
};

/// A shell that does what it is told line by line, and says when it is done.
struct Shell {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Shell {
    fn start() -> Shell {
        let mut shell = Command::new("sh");
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let said = BufReader::new(child.stdout.take().expect("what it says"));
        Shell { child, said }
    }

    /// Returns the line that it says when it is done.
    fn does(&mut self, what: &str) -> String {
        writeln!(self.child.stdin.as_mut().expect("what it is told"), "{what}; echo done").expect("it listens");
        let mut line = String::new();
        while !line.ends_with("done\n") {
            assert_ne!(self.said.read_line(&mut line).expect("it speaks"), 0, "it has ended: {line}");
        }
        line
    }

    fn process(&self) -> [Process; 1] {
        [Process { name: "shell".to_owned(), pid: self.child.id() }]
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BUSY: &str = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";

/// User and system time of the shell and of its children as it tells them itself, in ms: `0m1.500s` four times.
fn told_ms(times: &str) -> u64 {
    let of = |time: &str| -> Option<u64> {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        let (whole, part) = seconds.split_once('.')?;
        let part: String = part.chars().chain("000".chars()).take(3).collect();
        Some((minutes.parse::<u64>().ok()? * 60 + whole.parse::<u64>().ok()?) * 1_000 + part.parse::<u64>().ok()?)
    };
    times.split_whitespace().filter_map(of).sum()
}

#[test]
fn what_a_process_and_its_ended_children_used_is_what_it_says_itself() {
    let mut shell = Shell::start();
    shell.does("true");
    let (process, before) = (shell.process(), told_ms(&shell.does("times")));
    let earlier = Reading::now(&process);
    shell.does(&format!("{BUSY}; ({BUSY}); ({BUSY}; ({BUSY}))"));
    let later = Reading::now(&process);
    let told = told_ms(&shell.does("times")) - before;
    let cost = later.cost_since(&earlier, None);
    let cpu_ms = cost[0].cpu_ns / 1_000_000;
    assert!(told > 0 && cpu_ms.abs_diff(told) <= 60, "{cpu_ms} ms, and it says {told}");
    let parts = &cost[0].parts_cpu_ns;
    assert!(parts["sh"] > 0 && parts["(ended)"] > parts["sh"], "{parts:?}");
    assert!(parts.values().sum::<u64>().abs_diff(cost[0].cpu_ns) < 1_000_000, "{cost:?}");
    assert_eq!(later.doubts_since(&earlier), Vec::<String>::new());
}

#[test]
fn children_that_live_are_counted_and_what_they_used_before_is_not() {
    let mut shell = Shell::start();
    // The child is busy, says so, and waits; what it did before the first reading is not counted when it has ended.
    let child = format!(
        "mkfifo gate 2>/dev/null; ({BUSY}; echo ready; read go < gate; {BUSY}; echo ready; read go < gate) & true"
    );
    let folder = tempfile::tempdir().expect("a folder");
    shell.does(&format!("cd '{}'; {child}", folder.path().display()));
    let ready = |shell: &mut Shell| {
        let mut line = String::new();
        while !line.contains("ready") {
            shell.said.read_line(&mut line).expect("it speaks");
        }
    };
    ready(&mut shell);
    let (process, first) = (shell.process(), Reading::now(&shell.process()));
    shell.does("echo > gate");
    ready(&mut shell);
    let second = Reading::now(&process);
    let living = second.cost_since(&first, None)[0].cpu_ns;
    shell.does("echo > gate; wait");
    let third = Reading::now(&process);
    let ended = third.cost_since(&first, None)[0].cpu_ns;
    assert!(living > 10_000_000, "{living} ns of a child that lives");
    assert!(ended.abs_diff(living) < 60_000_000, "{living} ns while it lived, {ended} when it had ended");
}

#[test]
fn a_peak_is_of_the_time_between() {
    let mut shell = Shell::start();
    let process = shell.process();
    let fill = "x=$(head -c 40000000 /dev/zero | tr '\\0' a); x=";
    shell.does(fill);
    forget_peaks(&process);
    let earlier = Reading::now(&process);
    shell.does("true");
    let idle = Reading::now(&process).cost_since(&earlier, None)[0].clone();
    shell.does(fill);
    let cost = Reading::now(&process).cost_since(&earlier, None)[0].clone();
    assert!(idle.peak_memory_bytes < 40_000_000, "{idle:?}");
    assert!(cost.peak_memory_bytes > 40_000_000 && cost.idle_memory_bytes < 40_000_000, "{cost:?}");
}

#[test]
fn what_children_wrote_is_counted() {
    // Beside this program: what is written to memory is not written to a disk.
    let here = std::env::current_exe().expect("this program");
    let folder = tempfile::tempdir_in(here.parent().unwrap_or(Path::new("."))).expect("a folder");
    let mut shell = Shell::start();
    let process = shell.process();
    shell.does("true");
    let earlier = Reading::now(&process);
    shell.does(&format!("head -c 3000000 /dev/zero > '{}/file'", folder.path().display()));
    let written = Reading::now(&process).cost_since(&earlier, None)[0].written_bytes;
    assert!((3_000_000..6_000_000).contains(&written), "{written}");
}

#[test]
fn whoever_was_not_there_all_along_is_said_and_not_counted_as_nothing() {
    let shell = Shell::start();
    let [process] = shell.process();
    let never = Process { name: "never".to_owned(), pid: u32::MAX };
    let earlier = Reading::now(&[process.clone(), never.clone()]);
    drop(shell);
    let later = Reading::now(&[process.clone(), never.clone()]);
    assert_eq!(later.cost_since(&earlier, None), []);
    let doubts = later.doubts_since(&earlier);
    assert!(doubts.len() == 2 && doubts[0].contains("shell") && doubts[1].contains("never"), "{doubts:?}");
    // One that began later, too.
    let late = Shell::start();
    let now = Reading::now(&late.process());
    assert_eq!((now.cost_since(&earlier, None), now.doubts_since(&earlier).len()), (Vec::new(), 1));
}

#[tokio::test(start_paused = true)]
async fn idle_use_is_taken_off() {
    let shell = Shell::start();
    let idle = Idle::watch(&shell.process(), std::time::Duration::from_millis(10)).await;
    let earlier = Reading::now(&shell.process());
    let cost = Reading::now(&shell.process()).cost_since(&earlier, Some(&idle));
    assert_eq!((cost.len(), cost[0].written_bytes), (1, 0), "{cost:?}");
    assert!(cost[0].idle_memory_bytes > 0, "{cost:?}");
}

#[test]
fn idle_use_is_taken_off_by_time() {
    let parts = |one: u64, other: u64| [("a".to_owned(), one), ("b".to_owned(), other)].into_iter().collect();
    let mut used = Used { cpu_ns: 1_000, written_bytes: 50, cpu_ns_by_part: parts(900, 100) };
    let idle = Used { cpu_ns: 30, written_bytes: 40, cpu_ns_by_part: parts(0, 30) };
    let seconds = std::time::Duration::from_secs;
    used.take_off(&idle, seconds(20), seconds(10));
    assert_eq!(used, Used { cpu_ns: 940, written_bytes: 0, cpu_ns_by_part: parts(900, 40) });
}

#[test]
fn threads_of_one_kind_are_one_part_and_the_least_are_others() {
    for (thread, part) in [("worker-12", "worker"), ("GC Thread#0", "GC Thread"), ("sqlite", "sqlite"), ("42", "42")] {
        assert_eq!(part_of(thread), part);
    }
    let cpu_ns_by_part = (0..20).map(|nth| (format!("part {nth}"), nth)).collect();
    let parts = Used { cpu_ns_by_part, ..Used::default() }.parts();
    assert_eq!((parts.len(), parts["(others)"], parts["part 19"]), (13, (0..8).sum(), 19));
}
