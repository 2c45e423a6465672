use std::{
    sync::Mutex,
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;

/// How many jobs may wait for one connection; who comes then waits for a place.
const JOBS_WAITING: usize = 64;

enum Job {
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
    Stop,
}

/// A thread that owns a connection. Others send it work and wait for what comes of it.
pub(crate) struct Owner {
    jobs: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Owner {
    pub(crate) fn start(name: &str, mut connection: Connection) -> Result<Owner, std::io::Error> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(JOBS_WAITING);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(Job::Run(work)) = waiting.blocking_recv() {
                work(&mut connection);
            }
        })?;
        Ok(Owner { jobs, thread: Mutex::new(Some(thread)) })
    }

    /// Runs `work` on the connection, after all that came before.
    pub(crate) async fn call<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        let job = Job::Run(Box::new(move |connection| {
            // Who asked may have gone; the work was done all the same.
            let _ = done.send(work(connection));
        }));
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        outcome.await.map_err(|_| StoreError::Closed)?
    }

    /// Leaves `work` to be run after all that came before, where there is a place for it.
    pub(crate) fn leave(&self, work: impl FnOnce(&mut Connection) + Send + 'static) {
        let _ = self.jobs.try_send(Job::Run(Box::new(work)));
    }

    /// Runs what waits and ends the thread, whoever else holds a handle: what they ask then is answered with `Closed`.
    pub(crate) async fn close(&self) {
        // A thread that has ended takes no stop and needs none.
        let _ = self.jobs.send(Job::Stop).await;
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}
