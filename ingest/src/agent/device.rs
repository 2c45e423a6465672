//! What kind of thing a user agent says it runs on.

use aho_corasick::AhoCorasick;
use schemas::web::Device;

/// The first that matches decides: televisions and tablets also call themselves what they are made
/// from. `AFT` begins the names of Amazon's sticks. `Android` without `Mobile` is a tablet by Google's own rule, and `Tablet PC` is Windows 7.
const RULES: [(&str, Device); 37] = [
    ("SMART-TV", Device::Tv),
    ("SmartTV", Device::Tv),
    ("Smart TV", Device::Tv),
    ("HbbTV", Device::Tv),
    ("Web0S", Device::Tv),
    ("NetCast", Device::Tv),
    ("AppleTV", Device::Tv),
    ("Apple TV", Device::Tv),
    ("GoogleTV", Device::Tv),
    ("Android TV", Device::Tv),
    ("BRAVIA", Device::Tv),
    ("CrKey", Device::Tv),
    ("Roku", Device::Tv),
    ("; AFT", Device::Tv),
    ("PlayStation", Device::Tv),
    ("Xbox", Device::Tv),
    ("Nintendo", Device::Tv),
    ("iPad", Device::Tablet),
    ("PlayBook", Device::Tablet),
    ("Kindle", Device::Tablet),
    ("Silk/", Device::Tablet),
    ("Tablet;", Device::Tablet),
    ("iPhone", Device::Mobile),
    ("iPod", Device::Mobile),
    ("Windows Phone", Device::Mobile),
    ("Opera Mini", Device::Mobile),
    ("Opera Mobi", Device::Mobile),
    ("Mobile", Device::Mobile),
    ("BlackBerry", Device::Mobile),
    ("Symbian", Device::Mobile),
    ("MIDP", Device::Mobile),
    ("Android", Device::Tablet),
    ("Windows", Device::Desktop),
    ("Macintosh", Device::Desktop),
    ("CrOS", Device::Desktop),
    ("X11", Device::Desktop),
    ("Linux", Device::Desktop),
];

/// The rules as one automaton, in whose numbers the words keep their order.
pub(super) struct Devices {
    automaton: AhoCorasick,
}

impl Devices {
    pub(super) fn new() -> Self {
        let words = RULES.iter().map(|(word, _)| word);
        Self { automaton: AhoCorasick::new(words).expect("a few dozen words are no limit of the automaton's") }
    }

    pub(super) fn of(&self, agent: &[u8]) -> Device {
        let found = self.automaton.find_overlapping_iter(agent).map(|found| found.pattern().as_usize());
        found.min().map_or(Device::Other, |rule| RULES[rule].1)
    }
}
