//! Open files: a connection is one, and what a process may have by default is a thousand.

use anyhow::ensure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For everything that is no connection.
const OTHERS: u64 = 256;

/// Raises what this process may open as far as it needs, and says so where it may not.
pub(crate) fn allow(connections: u32) -> anyhow::Result<()> {
    // Those to another place for what is not an event are a sixteenth.
    let needed = u64::from(connections) + u64::from(connections / 16) + OTHERS;
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|most| most >= needed) {
        return Ok(());
    }
    let maximum = now.maximum.map(|most| most.max(needed));
    // Who may not raise the upper limit may still go up to it.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: now.maximum })
        .or_else(|_| setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum }));
    ensure!(
        raised.is_ok(),
        "{connections} connections need {needed} open files, and {} are allowed: raise `ulimit -n`",
        now.maximum.unwrap_or_default()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_needs_more_files_is_allowed_them_or_told() {
        for connections in [1, 900, 2_000] {
            let allowed = allow(connections);
            let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
            assert_eq!(allowed.is_ok(), now >= u64::from(connections), "{connections}: {allowed:?}, {now}");
        }
        // More than any kernel allows.
        let error = allow(u32::MAX).expect_err("four thousand million connections");
        assert!(error.to_string().contains("ulimit -n"), "{error}");
    }
}
