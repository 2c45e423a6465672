//! Real input that comes with the program; `data/README.md` says where it is from.

pub(super) const ACCESS_LOG: &[u8] = include_bytes!("../../data/access.log");
pub(super) const ORDERS: &[u8] = include_bytes!("../../data/orders.csv");
