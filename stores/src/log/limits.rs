/// What is shed first when the log cannot keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Click,
    Conversion,
    /// What the process itself appends: ticks, settles, edge counts.
    Own,
}

/// From how many waiting events on a class is refused. All classes wait in one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    pub click_depth: usize,
    pub conversion_depth: usize,
}

impl LogLimits {
    /// How much deeper the queue is for the process's own events.
    pub const OWN_RESERVE: usize = 1_024;

    pub fn depth(self, class: Class) -> usize {
        match class {
            Class::Click => self.click_depth,
            Class::Conversion => self.conversion_depth,
            Class::Own => self.conversion_depth.saturating_add(Self::OWN_RESERVE),
        }
    }
}

impl Default for LogLimits {
    fn default() -> LogLimits {
        LogLimits { click_depth: 16_384, conversion_depth: 24_576 }
    }
}

/// The queue holds as much as this class may fill. Nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log's queue is full: {waiting} events wait")]
pub struct QueueFull {
    pub class: Class,
    pub waiting: usize,
}
