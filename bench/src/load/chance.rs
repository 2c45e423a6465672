//! Chance that can be had again: what a request is follows from the seed and its number, whoever asks and in whatever order.

use rand_pcg::{Pcg64Mcg, rand_core::SeedableRng as _};

/// The dice of one request.
pub(crate) fn dice(seed: u64, number: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(spread(seed).wrapping_add(number))
}

/// A number below this one, from 64 bits of chance.
pub(crate) fn below(bits: u64, most: u64) -> u64 {
    ((u128::from(bits) * u128::from(most)) >> 64) as u64
}

/// Numbers far apart for numbers in a row, and never the same for two.
pub(crate) fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Another number for another text (FNV-1a).
pub(crate) fn of_text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
