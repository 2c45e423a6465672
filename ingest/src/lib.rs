//! From a socket to the log: what comes in is bounded, checked, hashed, stamped and appended.

pub mod address;
pub mod agent;
pub mod body;
pub mod connection;
pub mod limiter;
