//! Deciding, seen from outside: tables through one `check` each, and properties with a broken control beside them.

mod attribution;
mod attribution_oracle;
mod budgets;
mod copies_and_refusals;
mod explained;
mod goldens;
mod interleavings;
mod late_and_parked;
mod orders;
mod partitions;
mod plays;
mod scene;
mod signals;
mod store;
