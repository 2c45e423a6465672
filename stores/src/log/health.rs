use tokio::sync::watch;

/// Whether the log takes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Well,
    Away,
}

impl Health {
    /// Nobody changes it any more, which is no error to who waits for a change.
    pub(crate) fn always_well() -> watch::Receiver<Health> {
        watch::channel(Health::Well).1
    }
}
