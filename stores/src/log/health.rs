/// Whether the log takes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Well,
    /// What waits has waited for long, or the servers cannot be reached.
    Away,
}
