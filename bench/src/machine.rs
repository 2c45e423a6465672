//! What a measurement was made on.

use std::{collections::BTreeMap, thread::available_parallelism, time::SystemTime};

use crate::record::{Document, Machine};

/// An empty one of this machine, begun now.
pub(crate) fn document() -> Document {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Document {
        machine: machine(),
        began_at_ms: since_1970.as_millis() as u64,
        command: std::env::args().collect(),
        runs: Vec::new(),
        sweeps: Vec::new(),
        comparisons: Vec::new(),
        growths: Vec::new(),
    }
}

fn machine() -> Machine {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let version = (env!("CARGO_PKG_NAME").to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    Machine {
        cores: available_parallelism().map_or(0, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        processor: named(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
        memory_bytes: named(&read("/proc/meminfo"), "MemTotal").map_or(0, |kib| bytes(&kib)),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        load_average_millis: millis(read("/proc/loadavg").split(' ').next().unwrap_or_default()),
        versions: BTreeMap::from([version]),
    }
}

fn named(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.split_once(':').filter(|(found, _)| found.trim() == name))?;
    Some(line.1.trim().to_owned())
}

fn bytes(kib: &str) -> u64 {
    kib.trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1_024
}

/// Thousandths of what is written with a point.
fn millis(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u64>().unwrap_or_default() * 1_000 + part.parse::<u64>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_writes_is_read() {
        for (text, expected) in [("1.37", 1_370), ("0.05", 50), ("12", 12_000), ("", 0)] {
            assert_eq!(millis(text), expected, "{text}");
        }
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Other\n";
        assert_eq!(named(info, "model name").as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(bytes(&named("MemTotal:       24685568 kB\n", "MemTotal").unwrap()), 24_685_568 << 10);
    }
}
