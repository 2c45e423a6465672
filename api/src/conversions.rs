//! Conversions as their company and their affiliate see them.

pub(crate) mod refund;
pub(crate) mod show;
mod view;

pub(crate) use view::{ConversionView, Status};
