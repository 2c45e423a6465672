//! Several partitions, an owner each, on one ledger: whatever way their steps interleave.

mod audit;
mod broken;
mod by_hand;
mod deployment;
mod inputs;
mod interleaved;
mod one_and_three;
mod plans;
mod shared;
