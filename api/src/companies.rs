//! What a company does: registers, sets its terms, makes links, looks at numbers, reviews conversions.

pub(crate) mod analytics;
pub(crate) mod conversions;
pub(crate) mod dashboard;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod link_list;
pub(crate) mod links;
pub(crate) mod outcomes;
pub(crate) mod pause;
pub(crate) mod register;
pub(crate) mod review;
pub(crate) mod settings;
mod terms;
pub(crate) mod update;

pub(crate) use terms::rate_of;
