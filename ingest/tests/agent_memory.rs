//! In a process of its own, so that what it measures is the lists'.

use ingest::agent::Agents;

const MOST_BYTES: usize = 4 << 20;

#[test]
fn the_lists_of_robots_are_small_in_memory() {
    let seen: Vec<_> = include_str!("../data/crawler-user-agents-seen.txt").lines().collect();
    let before = resident();
    let agents = Agents::new(7);
    let built = resident() - before;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| seen.iter().filter(|agent| agents.classify(Some(agent.as_bytes())).bot).count());
        }
    });
    let used = resident() - before;
    println!("{built} bytes when built, {used} bytes after {} user agents on two threads", seen.len());
    assert!(used < MOST_BYTES, "{used} bytes");
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_ascii_whitespace().nth(1).expect("a second field");
    pages.parse::<usize>().expect("a number") * 4_096
}
