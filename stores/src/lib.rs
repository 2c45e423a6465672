//! The five things that hold state, each embedded (SQLite) or distributed. Only this crate names a vendor.
//!
//! Each store is an enum over its shapes with the same few verbs; which shape is chosen once, for all five, by
//! [`Deployment::open`].

mod clickhouse;
mod deployment;
mod deployment_id;
mod error;
mod kafka;
mod page;
mod postgres;
mod redis;
mod servers;
mod sqlite;

pub mod catalog;
pub mod facts;
pub mod ledger;
pub mod log;
pub mod touches;

pub use deployment::{Deployment, Roles, Shape};
pub use deployment_id::DeploymentId;
pub use error::{OpenError, StoreError};
pub use page::{Listed, Page};
pub use postgres::Postgres;
pub use servers::Servers;
