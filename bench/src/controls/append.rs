//! What waits together is written to the end of a file together, and told once the disk has it.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    thread::{self, JoinHandle},
};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// Bodies that wait for the disk at the most; who comes then waits for a place.
const WAITING_MAX: usize = 16_384;

/// As many as one write takes at the most.
const GROUP_MAX: usize = 4_096;

struct Waiting {
    body: Bytes,
    told: oneshot::Sender<()>,
}

/// The end of a file, which a thread of its own writes to.
#[derive(Clone)]
pub(super) struct End(mpsc::Sender<Waiting>);

impl End {
    /// The thread ends once the last of these is gone, with what went wrong, if anything did.
    pub(super) fn of(path: &Path) -> anyhow::Result<(End, JoinHandle<anyhow::Result<()>>)> {
        let file = File::create_new(path).with_context(|| format!("{} can't be made", path.display()))?;
        let (end, waiting) = mpsc::channel(WAITING_MAX);
        let writer = thread::Builder::new().name("append".to_owned()).spawn(move || write(file, waiting))?;
        Ok((End(end), writer))
    }

    /// Whether the disk has it.
    pub(super) async fn keep(&self, body: Bytes) -> bool {
        let (told, kept) = oneshot::channel();
        self.0.send(Waiting { body, told }).await.is_ok() && kept.await.is_ok()
    }
}

fn write(mut file: File, mut waiting: mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let (mut group, mut bytes) = (Vec::new(), Vec::new());
    while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        bytes.clear();
        for Waiting { body, .. } in &group {
            bytes.extend(u32::try_from(body.len())?.to_be_bytes());
            bytes.extend_from_slice(body);
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        for Waiting { told, .. } in group.drain(..) {
            // Who has gone meanwhile needs no answer.
            let _ = told.send(());
        }
    }
    Ok(())
}
