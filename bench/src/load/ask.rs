//! What one request asks for, before it is bytes.

use super::chance::below;

pub(crate) use crate::audit::acknowledged::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Click(Click),
    /// So many clicks, from this one on.
    Clicks(Click, u32),
    Redirect(Click),
    Order(Order),
    /// So many orders, from this one on.
    Orders(Order, u32),
    Refund(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Click {
    /// Which click it is: a retry has its first one's.
    pub(crate) event: u64,
    /// Which of the codes.
    pub(crate) link: usize,
    pub(crate) visitor: u64,
    pub(crate) visit: Visit,
    pub(crate) repeat: bool,
    pub(crate) broken: Option<Broken>,
    /// With an id of its own and its browser's fingerprint, as the SDK sends it.
    pub(crate) named: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Visit {
    Person,
    Bot,
}

/// What is wrong with a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Broken {
    UnknownCode,
    MalformedCode,
    NoPage,
}

impl Broken {
    pub(crate) fn of_a_click(bits: u64) -> Broken {
        match below(bits, 3) {
            0 => Broken::UnknownCode,
            1 => Broken::MalformedCode,
            _ => Broken::NoPage,
        }
    }

    pub(crate) fn deserves(self) -> u16 {
        match self {
            Broken::UnknownCode => 404,
            Broken::MalformedCode | Broken::NoPage => 400,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) index: u64,
    pub(crate) repeat: bool,
    /// Its receipt is forged.
    pub(crate) broken: bool,
    pub(crate) with_receipt: bool,
}

/// What is kept of a request until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) kind: Kind,
    pub(crate) events: u32,
    pub(crate) deserves: Deserved,
    /// Which click, order or refund.
    pub(crate) event: u64,
    pub(crate) visit: Visit,
    pub(crate) repeat: bool,
}

/// The answer that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deserved {
    Taken,
    /// Or told that it was before.
    TakenOnce,
    Refused(u16),
}
