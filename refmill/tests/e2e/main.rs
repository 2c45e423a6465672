//! End to end: `refmill` as a process, spoken to over real sockets and looked at from outside.

mod account;
mod http;
mod server;
mod site;
mod wait;
