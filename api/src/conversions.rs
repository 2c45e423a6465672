//! Conversions as their company and their affiliate see them.

mod explanation;
pub(crate) mod refund;
pub(crate) mod show;
mod view;

pub(crate) use view::{ConversionView, Status};
