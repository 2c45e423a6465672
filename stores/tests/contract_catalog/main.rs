//! What every shape of the catalog promises.

mod accounts;
mod companies;
mod follow;
mod keys;
mod links;
mod place;
