//! What an affiliate does: joins programs, looks at links and earnings.

pub(crate) mod dashboard;
pub(crate) mod earnings;
pub(crate) mod join;
pub(crate) mod links;
pub(crate) mod programs;
pub(crate) mod settings;
pub(crate) mod totals;
