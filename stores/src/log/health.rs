/// Whether the log takes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Well,
    /// What waits, for one partition or all, has waited for long, or the servers cannot be reached.
    Away,
    /// Never again in this process, which should end: what is in its spool is sent by the next.
    Broken,
}
