//! What crosses a boundary in Refmill: ids, money, time, events, decisions, terms, facts and the wire they travel on.
//! Nothing here reads a clock, draws a random number or does IO.

pub mod accounts;
pub mod catalog;
pub mod code;
pub mod conversion;
pub mod decision;
pub mod event;
pub mod explanation;
pub mod facts;
pub mod hashes;
pub mod ids;
pub mod money;
pub mod personal;
pub mod receipt;
pub mod route;
pub mod terms;
pub mod time;
pub mod web;
pub mod wire;

pub use compact_str::CompactString;
