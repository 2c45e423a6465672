//! What is kept of a browser's request: host, path, UTM and a class of device. Never a query, a fragment, an agent or an address.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Where a visitor landed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    pub host: CompactString,
    /// Begins with `/`.
    pub path: CompactString,
}

/// Campaign parameters, each masked and cut to [`Utm::MAX_CHARS`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Utm {
    pub source: Option<CompactString>,
    pub medium: Option<CompactString>,
    pub campaign: Option<CompactString>,
}

impl Utm {
    pub const MAX_CHARS: usize = 255;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    Desktop,
    Mobile,
    Tablet,
    Tv,
    Other,
}

impl Device {
    pub const ALL: [Device; 5] = [Device::Desktop, Device::Mobile, Device::Tablet, Device::Tv, Device::Other];

    pub fn as_str(self) -> &'static str {
        match self {
            Device::Desktop => "desktop",
            Device::Mobile => "mobile",
            Device::Tablet => "tablet",
            Device::Tv => "tv",
            Device::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<Device> {
        Device::ALL.into_iter().find(|device| device.as_str() == text)
    }
}
