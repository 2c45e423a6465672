//! End to end: `refmill` as a process, spoken to over real sockets and looked at from outside.

mod account;
mod bad_input;
mod clock;
mod durability;
mod http;
mod kill;
mod limits;
mod overload;
mod privacy;
mod seed_examples;
mod server;
mod site;
mod stall;
mod surface;
mod time;
mod wait;
