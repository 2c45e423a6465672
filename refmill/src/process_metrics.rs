//! What the kernel says of this process, as Prometheus text. Where there is no `/proc` the text is empty.

use std::fmt::Write as _;

/// Linux shows times to programs in hundredths of a second, whatever its own tick.
const TICKS_A_SECOND: u64 = 100;

pub(crate) fn render() -> String {
    let mut text = String::new();
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        if let Some(kib) = field_of_status(&status, "VmRSS:") {
            put(
                &mut text,
                "process_resident_memory_bytes",
                "gauge",
                "Resident memory.",
                &kib.saturating_mul(1024).to_string(),
            );
        }
        if let Some(threads) = field_of_status(&status, "Threads:") {
            put(&mut text, "process_threads", "gauge", "Threads.", &threads.to_string());
        }
    }
    if let Some(ticks) = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_ticks(&stat)) {
        put(&mut text, "process_cpu_seconds_total", "counter", "Processor time, user and system.", &seconds(ticks));
    }
    if let Some(limit) = std::fs::read_to_string("/proc/self/limits").ok().and_then(|limits| max_fds(&limits)) {
        put(&mut text, "process_max_fds", "gauge", "File descriptors that may be open.", &limit.to_string());
    }
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        let without_this_look = entries.count().saturating_sub(1);
        put(&mut text, "process_open_fds", "gauge", "Open file descriptors.", &without_this_look.to_string());
    }
    text
}

fn put(text: &mut String, name: &str, kind: &str, help: &str, value: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
}

fn field_of_status(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// The command's name may hold spaces and brackets, so counting starts after the last bracket.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = after_name.next()?.parse().ok()?;
    let system: u64 = after_name.next()?.parse().ok()?;
    user.checked_add(system)
}

fn max_fds(limits: &str) -> Option<u64> {
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

fn seconds(ticks: u64) -> String {
    format!("{}.{:02}", ticks / TICKS_A_SECOND, ticks % TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let status = "Name:\trefmill\nVmRSS:\t   2048 kB\nThreads:\t4\n";
        assert_eq!(field_of_status(status, "VmRSS:"), Some(2048));
        assert_eq!(field_of_status(status, "Threads:"), Some(4));
        assert_eq!(field_of_status(status, "VmSwap:"), None);
        let stat = "42 (re) fm (ill) S 1 42 42 0 -1 4194304 900 0 0 0 123 45 0 0 20 0 4 0 100 1 2 3";
        assert_eq!(cpu_ticks(stat), Some(168));
        assert_eq!(cpu_ticks("42 (short) S 1"), None);
        assert_eq!(
            max_fds("Limit  Soft\nMax open files            1024                 4096                 files\n"),
            Some(1024)
        );
        assert_eq!(seconds(168), "1.68");
        assert_eq!(seconds(7), "0.07");
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let text = render();
        for name in
            ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "process_max_fds"]
        {
            let line = text.lines().find(|line| line.starts_with(name)).expect(name);
            assert_ne!(line.split(' ').next_back(), Some("0"), "{line}");
        }
    }
}
