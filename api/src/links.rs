//! Links: what they are called, where they lead, and who clicked on them.

pub(crate) mod clicks;
mod code;
mod stats;

pub(crate) use code::{LinkWanted, asked_code, make, url};
pub(crate) use stats::{LinkTotals, Sales, totals};
