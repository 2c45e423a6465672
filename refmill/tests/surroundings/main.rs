//! What surrounds the processes goes wrong: servers that are not there, that let nobody in or are not set up, disks without room, and
//! records on the log that nobody can read. The real binary around the real servers says what is to be done, and loses nothing.

mod brokers;
mod disk;
mod http;
mod poison;
mod readiness;
mod refusals;
mod role;
mod secured;
mod servers;
mod shop;
#[path = "../e2e/wait.rs"]
mod wait;
