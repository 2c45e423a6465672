//! The edge's connections over real sockets: what goes in as bytes and comes out as bytes.

mod deadlines;
mod drain;
mod server;
mod wire;
