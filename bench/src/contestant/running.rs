use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Limits, Told};

/// Of what is printed before `ready`.
const SAID_BYTES_MAX: u64 = 8 << 20;
/// Whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Of its log, where it fails.
const LOG_LINES_SHOWN: usize = 20;

/// One that answers. Dropped without `end`, it is ended all the same.
pub(crate) struct Running {
    pub(crate) told: Told,
    name: String,
    child: Child,
    group: Group,
    limits: Limits,
    /// Reads on, so that whatever it prints later stops nobody.
    reading: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts it and waits until it says that it is ready. Its errors go to the file `log` in the folder.
    pub(super) async fn start(
        name: &str,
        mut command: Command,
        folder: &Path,
        limits: Limits,
    ) -> anyhow::Result<Running> {
        let log = folder.join("log");
        let errors = File::create(&log).with_context(|| format!("{} can't be written", log.display()))?;
        let spawned = command.stdout(Stdio::piped()).stderr(errors).spawn();
        let mut child = spawned.with_context(|| format!("{name} can't be run"))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let group = Group::of(&child)?;
        let mut running = Running { told: Told::default(), name: name.to_owned(), child, group, limits, reading: None };
        let heard = timeout(limits.start, running.listen(stdout)).await;
        let heard = heard.unwrap_or_else(|_| Err(anyhow!("it was not ready within {:?}", limits.start)));
        let Err(why) = heard else { return Ok(running) };
        // How it ends is of no interest beside why it didn't start.
        drop(running.end().await);
        Err(why.context(format!("{name} did not start; the end of its log:\n{}", end_of(&log))))
    }

    /// That it is still there, with all of the processes that it named.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended by itself: {status}", self.name);
        }
        for process in &self.told.processes {
            let there = PathBuf::from(format!("/proc/{}", process.pid)).exists();
            ensure!(there, "{}: its process {} ended by itself", self.name, process.name);
        }
        Ok(())
    }

    /// Asks it to end and waits for that; kills it where it doesn't.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended by itself: {status}", self.name);
        }
        // Gone meanwhile is as good.
        let _ = kill_process(self.group.leader, Signal::TERM);
        if timeout(self.limits.end, self.child.wait()).await.is_ok() {
            return Ok(());
        }
        self.group.kill();
        self.child.wait().await?;
        bail!("{} did not end within {:?} and was killed", self.name, self.limits.end)
    }

    async fn listen(&mut self, stdout: ChildStdout) -> anyhow::Result<()> {
        let mut lines = BufReader::new(stdout.take(SAID_BYTES_MAX)).lines();
        while let Some(line) = lines.next_line().await? {
            if self.told.take(&line)? {
                let mut rest = lines.into_inner().into_inner().into_inner();
                self.reading = Some(tokio::spawn(async move {
                    drop(tokio::io::copy(&mut rest, &mut tokio::io::sink()).await);
                }));
                return Ok(());
            }
        }
        bail!("it printed no `ready`, or more than {SAID_BYTES_MAX} bytes before")
    }
}

impl Drop for Running {
    /// Whoever was interrupted waits here, as what it has started in groups of their own it alone can end.
    fn drop(&mut self) {
        let deadline = Instant::now() + self.limits.end;
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(self.group.leader, Signal::TERM);
        }
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
        self.group.kill();
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}

/// A program and all that it has started, but for what it has put into groups of their own.
pub(super) struct Group {
    leader: Pid,
}

impl Group {
    pub(super) fn of(child: &Child) -> anyhow::Result<Group> {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Group { leader: id.context("it has ended at once")? })
    }

    /// Also where its leader has ended: its id is nobody else's as long as one of the group is left.
    pub(super) fn kill(&self) {
        // None left is what is wanted.
        let _ = kill_process_group(self.leader, Signal::KILL);
    }
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
