use std::{
    io, mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Tells a thread to end; it looks between two polls.
#[derive(Clone, Default)]
pub(super) struct Stop {
    own: Arc<AtomicBool>,
    of_all: Arc<AtomicBool>,
}

impl Stop {
    /// For one thread among those that end together.
    pub(super) fn of_one(&self) -> Stop {
        Stop { own: Arc::default(), of_all: self.own.clone() }
    }

    pub(super) fn stop(&self) {
        self.own.store(true, Ordering::Release);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.own.load(Ordering::Acquire) || self.of_all.load(Ordering::Acquire)
    }
}

/// The threads that poll Kafka's clients, all joined at the end.
#[derive(Default)]
pub(super) struct Threads {
    pub(super) stop: Stop,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    pub(super) fn start(&self, name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(name).spawn(work)?;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|thread| !thread.is_finished());
        running.push(thread);
        Ok(())
    }

    pub(super) async fn join(&self) {
        self.stop.stop();
        let running = mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in running {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("a thread of the log broke down");
            }
        }
    }
}

/// Those that nobody closed end by themselves.
impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.stop();
    }
}
