//! The user agents of late: a handful of browsers send nearly everything.

use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Agent, Device};

/// 32 KiB; the newest of two that share a slot stays.
const SLOTS: usize = 4_096;

const BOT: u64 = 0b1000;
const DEVICE_MASK: u64 = 0b0111;
const HASH_MASK: u64 = !(BOT | DEVICE_MASK);

const DEVICES: [Device; 5] = [Device::Desktop, Device::Mobile, Device::Tablet, Device::Tv, Device::Other];

/// A slot holds a hash and, in its lowest four bits, what was found. No device's number is 0, so no slot in use is.
pub(super) struct Seen {
    slots: Box<[AtomicU64]>,
    seed: u64,
}

impl Seen {
    pub(super) fn new(seed: u64) -> Self {
        Self { slots: bytemuck::allocation::zeroed_slice_box(SLOTS), seed }
    }

    pub(super) fn recall(&self, agent: &[u8], judge: impl FnOnce() -> Agent) -> Agent {
        let hash = xxh3_64_with_seed(agent, self.seed);
        let slot = &self.slots[hash as usize % SLOTS];
        let seen = slot.load(Ordering::Relaxed);
        if seen & HASH_MASK == hash & HASH_MASK
            && let Some(known) = unpack(seen)
        {
            return known;
        }
        let judged = judge();
        slot.store(hash & HASH_MASK | pack(judged), Ordering::Relaxed);
        judged
    }
}

fn pack(agent: Agent) -> u64 {
    let device = agent.device as u64 + 1;
    if agent.bot { device | BOT } else { device }
}

fn unpack(slot: u64) -> Option<Agent> {
    let number = ((slot & DEVICE_MASK) as usize).checked_sub(1)?;
    DEVICES.get(number).map(|device| Agent { bot: slot & BOT != 0, device: *device })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_kept_whole() {
        for device in DEVICES {
            for bot in [false, true] {
                let agent = Agent { bot, device };
                assert_eq!(unpack(pack(agent)), Some(agent));
            }
        }
        assert_eq!(unpack(0), None);
    }
}
