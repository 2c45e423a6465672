//! What kind of thing a user agent says it runs on.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Device {
    Desktop,
    Mobile,
    Tablet,
    Tv,
    #[default]
    Other,
}

/// The first that matches decides: televisions and tablets also call themselves what they are made
/// from. `Android` without `Mobile` is a tablet by Google's own rule, and `Tablet PC` is Windows 7.
const RULES: [(&str, &str, Device); 37] = [
    ("SMART-TV", "", Device::Tv),
    ("SmartTV", "", Device::Tv),
    ("Smart TV", "", Device::Tv),
    ("HbbTV", "", Device::Tv),
    ("Web0S", "", Device::Tv),
    ("NetCast", "", Device::Tv),
    ("AppleTV", "", Device::Tv),
    ("Apple TV", "", Device::Tv),
    ("GoogleTV", "", Device::Tv),
    ("Android TV", "", Device::Tv),
    ("BRAVIA", "", Device::Tv),
    ("CrKey", "", Device::Tv),
    ("Roku", "", Device::Tv),
    ("AFT", "Android", Device::Tv),
    ("PlayStation", "", Device::Tv),
    ("Xbox", "", Device::Tv),
    ("Nintendo", "", Device::Tv),
    ("iPad", "", Device::Tablet),
    ("PlayBook", "", Device::Tablet),
    ("Kindle", "", Device::Tablet),
    ("Silk/", "", Device::Tablet),
    ("Tablet;", "", Device::Tablet),
    ("iPhone", "", Device::Mobile),
    ("iPod", "", Device::Mobile),
    ("Windows Phone", "", Device::Mobile),
    ("Opera Mini", "", Device::Mobile),
    ("Opera Mobi", "", Device::Mobile),
    ("Mobile", "", Device::Mobile),
    ("BlackBerry", "", Device::Mobile),
    ("Symbian", "", Device::Mobile),
    ("MIDP", "", Device::Mobile),
    ("Android", "", Device::Tablet),
    ("Windows", "", Device::Desktop),
    ("Macintosh", "", Device::Desktop),
    ("CrOS", "", Device::Desktop),
    ("X11", "", Device::Desktop),
    ("Linux", "", Device::Desktop),
];

impl Device {
    #[must_use]
    pub fn of(agent: &[u8]) -> Self {
        let has = |text: &str| agent.windows(text.len().max(1)).any(|window| window == text.as_bytes());
        let rule = RULES.iter().find(|(word, with, _)| has(word) && (with.is_empty() || has(with)));
        rule.map_or(Self::Other, |(_, _, device)| *device)
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Tv => "tv",
            Self::Other => "other",
        }
    }
}
