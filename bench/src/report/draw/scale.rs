/// One direction of a chart.
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) scale: Scale,
    pub(crate) label: fn(u64) -> String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero: twice as far is twice as much.
    Linear,
    Log,
    /// Of shares in millionths: each nine takes as much room as the one before.
    Nines,
}

const NINES: [u64; 5] = [500_000, 900_000, 990_000, 999_000, 999_900];

/// A scale with its ends and the places between them that have a name.
pub(crate) struct Ruler {
    scale: Scale,
    low: u64,
    high: u64,
    pub(crate) ticks: Vec<u64>,
}

impl Ruler {
    /// For these values, with at most so many ticks where there is a choice.
    pub(crate) fn of(scale: Scale, values: impl Iterator<Item = u64> + Clone, most: u64) -> Ruler {
        let (least, greatest) = (values.clone().min().unwrap_or(0), values.max().unwrap_or(0));
        match scale {
            Scale::Linear => {
                let step = step(greatest, most);
                let high = greatest.div_ceil(step).max(1).saturating_mul(step);
                let ticks = (0..=high / step).map(|n| n * step).collect();
                Ruler { scale, low: 0, high, ticks }
            }
            Scale::Log => {
                let low = below(least);
                let high = above(greatest).max(above(low.saturating_add(1)));
                let all: Vec<u64> = rounds().filter(|round| (low..=high).contains(round)).collect();
                let tens = all.iter().copied().filter(|round| leads_with_one(*round)).collect();
                let ticks = if all.len() as u64 <= most { all } else { tens };
                Ruler { scale, low, high, ticks }
            }
            Scale::Nines => Ruler { scale, low: 0, high: NINES[4], ticks: NINES.to_vec() },
        }
    }

    /// From 0 at the low end to 1 at the high one.
    pub(crate) fn place(&self, value: u64) -> f64 {
        let on = |value: u64| match self.scale {
            Scale::Linear => value as f64,
            Scale::Log => (value.max(1) as f64).log10(),
            Scale::Nines => 6.0 - ((1_000_000 - value.min(999_999)) as f64).log10(),
        };
        let (low, high) = (on(self.low), on(self.high));
        ((on(value) - low) / (high - low)).clamp(0.0, 1.0)
    }
}

/// 1, 2, 5, 10, 20, …
fn rounds() -> impl DoubleEndedIterator<Item = u64> {
    (0..19_u32).flat_map(|power| [1, 2, 5].map(|first| first * 10_u64.pow(power)))
}

fn step(greatest: u64, most: u64) -> u64 {
    rounds().find(|step| greatest.div_ceil(*step) <= most).unwrap_or(u64::MAX)
}

fn below(value: u64) -> u64 {
    rounds().rev().find(|round| *round <= value).unwrap_or(1)
}

fn above(value: u64) -> u64 {
    rounds().find(|round| *round >= value).unwrap_or(u64::MAX)
}

fn leads_with_one(round: u64) -> bool {
    round.checked_ilog10().is_some_and(|power| round == 10_u64.pow(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scale: Scale, values: &[u64], most: u64, ticks: &[u64]) {
        let ruler = Ruler::of(scale, values.iter().copied(), most);
        assert_eq!(ruler.ticks, ticks, "{values:?}");
        let places: Vec<f64> = values.iter().map(|value| ruler.place(*value)).collect();
        assert!(places.iter().all(|place| (0.0..=1.0).contains(place)), "{values:?}: {places:?}");
        assert!(places.is_sorted(), "{values:?}: {places:?}");
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        check(Scale::Linear, &[0, 26_480, 41_417], 5, &[0, 10_000, 20_000, 30_000, 40_000, 50_000]);
        check(Scale::Linear, &[1], 5, &[0, 1]);
        check(Scale::Linear, &[0], 5, &[0, 1]);
        check(Scale::Linear, &[], 5, &[0, 1]);
        check(Scale::Log, &[850, 113_400], 9, &[500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000]);
        check(Scale::Log, &[850, 113_400], 6, &[1_000, 10_000, 100_000]);
        check(Scale::Log, &[1_000, 1_000], 6, &[1_000, 2_000]);
        check(Scale::Log, &[0, 3], 6, &[1, 2, 5]);
        check(Scale::Nines, &[0, 500_000, 990_000, 999_900], 3, &NINES);
        assert_eq!(Ruler::of(Scale::Linear, [u64::MAX].into_iter(), 5).place(u64::MAX).to_bits(), 1_f64.to_bits());
        assert_eq!(Ruler::of(Scale::Log, [u64::MAX].into_iter(), 5).place(u64::MAX).to_bits(), 1_f64.to_bits());
    }
}
