//! What a request's headers say of who made it: a person's browser, a robot, or a browser's guess.

mod bots;
mod device;
mod seen;

use http::{HeaderMap, HeaderName};
use schemas::web::Device;

use bots::Bots;
use device::Devices;
use seen::Seen;

/// What is looked at of a user agent; no browser's is a third as long.
pub const AGENT_BYTES: usize = 1_024;

/// The headers with which a browser says that nobody has clicked yet, and what they then say.
static PREFETCH_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];
const PREFETCH_WORDS: [&[u8]; 3] = [b"prefetch", b"prerender", b"preview"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    pub bot: bool,
    pub device: Device,
}

/// Tells robots and devices by user agent. About 2 MiB: one serves the whole process.
pub struct Agents {
    bots: Bots,
    devices: Devices,
    seen: Seen,
}

impl Agents {
    /// The seed is random: known, it would let a client pass off a robot's name as a browser's.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { bots: Bots::new(), devices: Devices::new(), seen: Seen::new(seed) }
    }

    /// Every browser names itself, so what doesn't is taken for a robot: its clicks are recorded
    /// and not counted, and a receipt still names them.
    #[must_use]
    pub fn classify(&self, user_agent: Option<&[u8]>) -> Agent {
        let agent = user_agent.unwrap_or_default().trim_ascii();
        let agent = &agent[..agent.len().min(AGENT_BYTES)];
        if agent.is_empty() {
            return Agent { bot: true, device: Device::Other };
        }
        self.seen.recall(agent, || self.judge(agent))
    }

    fn judge(&self, agent: &[u8]) -> Agent {
        Agent { bot: self.bots.matches(agent), device: self.devices.of(agent) }
    }
}

/// A link fetched ahead of a click that may never come.
#[must_use]
pub fn is_prefetch(headers: &HeaderMap) -> bool {
    PREFETCH_HEADERS.iter().flat_map(|name| headers.get_all(name)).any(|value| {
        let mut words = value.as_bytes().split(|byte| matches!(byte, b';' | b',' | b' '));
        words.any(|word| PREFETCH_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
    })
}

#[cfg(test)]
mod tests;
