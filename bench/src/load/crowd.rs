//! Who clicks what in a load of clicks alone.

use anyhow::anyhow;
use rand_distr::{Distribution as _, Zipf};

use super::{
    ask::{Click, Visit},
    chance::{below, dice, spread},
    day::LINKS_EXPONENT,
};
use crate::record::{Crowd, Load, Spreading};

#[derive(Clone, Copy)]
pub(crate) struct Clickers {
    seed: u64,
    codes: u64,
    /// Of this run: whoever clicks in the next one too would come to an address's limit.
    visitors_from: u64,
    crowd: Crowd,
    zipf: Option<Zipf<f64>>,
}

impl Clickers {
    pub(crate) fn new(load: &Load, codes: usize, visitors_from: u64) -> anyhow::Result<Clickers> {
        let links = u32::try_from(codes).map_or(u32::MAX, |codes| codes.max(1));
        let zipf = || {
            let zipf = Zipf::new(f64::from(links), LINKS_EXPONENT);
            zipf.map_err(|error| anyhow!("no such Zipf distribution: {error}"))
        };
        let crowd = load.crowd;
        let zipf = if crowd.links == Spreading::Zipf { Some(zipf()?) } else { None };
        Ok(Clickers { seed: load.seed, codes: codes as u64, visitors_from, crowd, zipf })
    }

    pub(crate) fn click(&self, event: u64, named: bool) -> Click {
        let one_of = self.crowd.visitors.map(|visitors| event % visitors.max(1));
        let visitor = one_of.unwrap_or(event).wrapping_add(self.visitors_from);
        let link = match &self.zipf {
            Some(zipf) => zipf.sample(&mut dice(self.seed, one_of.unwrap_or(event))) as usize - 1,
            None => below(spread(one_of.unwrap_or(event) ^ self.seed), self.codes) as usize,
        };
        Click {
            event,
            link,
            visitor,
            visit: Visit::Person,
            repeat: false,
            broken: None,
            named: named || self.crowd.named,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{
        load::render::address,
        record::{Offered, Scenario},
    };

    const CODES: usize = 200;

    fn clicks(crowd: Crowd, events: u64) -> Vec<Click> {
        let load = Load {
            scenario: Scenario::Click,
            seed: 3,
            offered: Offered::AsAnswered,
            seconds: 1,
            connections: 1,
            requests_a_connection: None,
            events_a_request: 1,
            crowd,
        };
        let clickers = Clickers::new(&load, CODES, 77).expect("such a crowd");
        (0..events).map(|event| clickers.click(event, false)).collect()
    }

    #[test]
    fn a_crowd_has_as_many_visitors_as_it_says_and_each_keeps_to_a_link() {
        for (visitors, links, expected) in [
            (None, Spreading::Even, 20_000),
            (Some(1), Spreading::Even, 1),
            (Some(500), Spreading::Even, 500),
            (Some(500), Spreading::Zipf, 500),
            (Some(30_000), Spreading::Even, 20_000),
        ] {
            let clicks = clicks(Crowd { visitors, links, ..Crowd::default() }, 20_000);
            let addresses: BTreeSet<_> = clicks.iter().map(|click| address(click.visitor)).collect();
            let pairs: BTreeSet<_> = clicks.iter().map(|click| (click.visitor, click.link)).collect();
            assert_eq!((addresses.len(), pairs.len()), (expected, expected), "{visitors:?} {links:?}");
            assert!(clicks.iter().all(|click| click.link < CODES));
        }
    }

    #[test]
    fn a_crowd_names_its_clicks_where_it_says_so() {
        for named in [false, true] {
            assert!(clicks(Crowd { named, ..Crowd::default() }, 10).iter().all(|click| click.named == named));
        }
    }

    #[test]
    fn links_are_clicked_alike_or_by_zipf() {
        for (links, most_at_least, most_at_most) in [(Spreading::Even, 90, 120), (Spreading::Zipf, 3_000, 4_000)] {
            let mut each = BTreeMap::<usize, u32>::new();
            for click in clicks(Crowd { links, ..Crowd::default() }, 20_000) {
                *each.entry(click.link).or_default() += 1;
            }
            let most = each.values().copied().max().unwrap_or_default();
            assert!((most_at_least..=most_at_most).contains(&most), "{links:?}: {most}");
        }
    }
}
