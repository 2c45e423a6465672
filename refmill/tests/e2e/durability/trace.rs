//! Reads what strace wrote: one line a call, or two where another thread's call came between its start and its end.

/// Whether, between reading a request and writing its answer, the file was written and then synced to the end.
pub(super) fn synced_before_answer(trace: &str, request: &str, answer: &str, file: &str) -> Result<(), String> {
    let lines: Vec<&str> = trace.lines().collect();
    let find = |from: usize, what: &str, is_it: &dyn Fn(&str) -> bool| {
        let found = lines[from..].iter().position(|line| is_it(line));
        found.map(|at| from + at).ok_or_else(|| format!("no {what}"))
    };
    let read = find(0, "request", &|line| line.contains(request) && !is_call(line, &WRITES))?;
    let answered =
        find(read, "answer", &|line| line.contains(answer) && is_call(line, &WRITES) && !line.contains(".db"))?;
    let written = find(read, "write", &|line| is_call(line, &["pwrite64"]) && line.contains(file))?;
    let begun = find(written, "sync", &|line| is_call(line, &["fsync", "fdatasync"]) && line.contains(file))?;
    let ended = if lines[begun].contains("<unfinished") {
        let thread = thread(lines[begun]);
        find(begun, "end of the sync", &|line| line.contains("sync resumed>") && self::thread(line) == thread)?
    } else {
        begun
    };
    if !lines[ended].trim_end().ends_with("= 0") {
        return Err(format!("the sync failed: {}", lines[ended]));
    }
    if ended < answered { Ok(()) } else { Err(format!("answered in line {answered}, synced in line {ended}")) }
}

const WRITES: [&str; 4] = ["write", "writev", "sendto", "sendmsg"];

/// Whether the line is the start of one of these calls: `1234  write(5<…>, …`.
fn is_call(line: &str, names: &[&str]) -> bool {
    let call = line.split_once(' ').map_or("", |(_, call)| call.trim_start());
    names.iter().any(|name| call.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')))
}

fn thread(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn only_the_right_order_is_good() {
    let read = r#"7  recvfrom(9<TCP:[1]>, "POST /track/click HTTP/1.1"..., 8192, 0, NULL, NULL) = 200"#;
    let write = r#"8  pwrite64(5</data/log.db-wal>, "\1\2", 4096, 32) = 4096"#;
    let sync = "8  fdatasync(5</data/log.db-wal>) = 0";
    let begun = "8  fdatasync(5</data/log.db-wal> <unfinished ...>";
    let ended = "8  <... fdatasync resumed>) = 0";
    let answer = r#"7  writev(9<TCP:[1]>, [{iov_base="HTTP/1.1 200 OK {\"clickId\":\"Abc\"}"}], 1) = 90"#;
    let failed = "8  fdatasync(5</data/log.db-wal>) = -1 EIO (Input/output error)";
    let other = "8  fdatasync(6</data/ledger.db-wal>) = 0";
    let check = |lines: &[&str], good: bool| {
        let found = synced_before_answer(&lines.join("\n"), "POST /track/click", "Abc", "log.db-wal");
        assert_eq!(found.is_ok(), good, "{lines:?}: {found:?}");
    };
    check(&[read, write, sync, answer], true);
    check(&[read, write, begun, other, ended, answer], true);
    check(&[read, write, answer, sync], false);
    check(&[read, answer, write, sync], false);
    check(&[read, write, begun, answer, ended], false);
    check(&[read, write, begun, answer], false);
    check(&[write, sync, read, answer], false);
    check(&[sync, read, write, answer], false);
    check(&[read, write, failed, answer], false);
    check(&[read, write, other, answer], false);
    check(&[read, write, sync], false);
}
