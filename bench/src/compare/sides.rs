//! From rounds to what each side of a comparison comes to. All of it is integers, and a round that was discarded, or does not add
//! up, counts nowhere.

use crate::record::{AuditLine, Run, Side, Spread, Target};

/// A target and the names of those processes whose cost is its own.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) target: Target,
    pub(super) processes: Vec<String>,
}

/// What a target used in one round.
struct Used {
    cpu_ns: u64,
    events: u64,
    took_us: u64,
    peak_memory_bytes: u64,
}

pub(super) fn side(own: &Own, baseline: &Own, rounds: &[Vec<Run>]) -> Side {
    let used: Vec<Option<Used>> = rounds.iter().map(|round| used(own, round)).collect();
    let of_baseline: Vec<Option<Used>> = rounds.iter().map(|round| self::used(baseline, round)).collect();
    let each = |figure: fn(&Used) -> u64| spread(used.iter().flatten().map(figure).collect());
    let ratios = used.iter().zip(&of_baseline).filter_map(|(used, baseline)| {
        let (used, baseline) = (used.as_ref()?, baseline.as_ref()?);
        let above = u128::from(used.cpu_ns) * u128::from(baseline.events) * 1_000;
        Some(over(above, u128::from(used.events) * u128::from(baseline.cpu_ns)))
    });
    Side {
        target: own.target.clone(),
        cpu_ns_an_event: each(|used| over(u128::from(used.cpu_ns), u128::from(used.events))),
        events_a_cpu_second: each(|used| over(u128::from(used.events) * 1_000_000_000, u128::from(used.cpu_ns))),
        events_a_second: each(|used| over(u128::from(used.events) * 1_000_000, u128::from(used.took_us))),
        peak_memory_bytes: used.iter().flatten().map(|used| used.peak_memory_bytes).max().unwrap_or_default(),
        cpu_ratio_millis: spread(ratios.collect()),
    }
}

/// None where the round says nothing of it.
fn used(own: &Own, round: &[Run]) -> Option<Used> {
    let run = round.iter().find(|run| run.target.name == own.target.name)?;
    let costs = || run.costs.iter().filter(|cost| own.processes.contains(&cost.name));
    let used = Used {
        cpu_ns: costs().map(|cost| cost.cpu_ns).sum(),
        events: run.answers.events_acknowledged,
        took_us: run.answers.took_us,
        peak_memory_bytes: costs().map(|cost| cost.peak_memory_bytes).sum(),
    };
    let is_sound = run.discarded.is_none() && run.audit.iter().all(AuditLine::holds);
    (is_sound && used.cpu_ns > 0 && used.events > 0 && used.took_us > 0).then_some(used)
}

/// To the nearest.
fn over(above: u128, below: u128) -> u64 {
    u64::try_from((above + below / 2) / below).unwrap_or(u64::MAX)
}

/// Of two in the middle their mean; of none at all nothing but zeros.
pub(super) fn spread(mut values: Vec<u64>) -> Spread {
    values.sort_unstable();
    let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
        return Spread { least: 0, median: 0, most: 0 };
    };
    let middle = values.len() / 2;
    let median =
        if values.len().is_multiple_of(2) { values[middle - 1].midpoint(values[middle]) } else { values[middle] };
    Spread { least, median, most }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::measure::none;
    use crate::record::{Acknowledges, Load, Offered, ProcessCost, Scenario};

    /// Of one target in one round: CPU in ns of each of its processes, events, µs.
    type Figures<'a> = (&'a [(&'a str, u64)], u64, u64);

    fn own(name: &str, processes: &[&str]) -> Own {
        let target = Target { name: name.to_owned(), acknowledges: Acknowledges::AfterDelivery };
        Own { target, processes: processes.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn run(own: &Own, (costs, events, took_us): Figures<'_>) -> Run {
        let load = Load {
            scenario: Scenario::Click,
            seed: 1,
            offered: Offered::AsAnswered,
            seconds: 1,
            connections: 1,
            requests_a_connection: None,
            events_a_request: 1,
            crowd: Default::default(),
        };
        let mut run = none(own.target.clone(), load, String::new());
        run.discarded = (took_us == 0).then(|| "the generator was busy".to_owned());
        run.answers.events_acknowledged = events;
        run.answers.took_us = took_us;
        run.costs = costs
            .iter()
            .map(|(name, cpu_ns)| ProcessCost {
                name: (*name).to_owned(),
                cpu_ns: *cpu_ns,
                peak_memory_bytes: 10,
                idle_memory_bytes: 5,
                written_bytes: 0,
                parts_cpu_ns: Default::default(),
            })
            .collect();
        run
    }

    /// Rounds of the rival and of the baseline, and what the rival comes to: CPU an event, events a CPU-second, events a second, ratio.
    fn check(rounds: &[(Figures<'_>, Figures<'_>)], expected: [[u64; 3]; 4]) {
        let (rival, baseline) = (own("rival", &["a", "b"]), own("baseline", &["control"]));
        let rounds: Vec<Vec<Run>> = rounds
            .iter()
            .enumerate()
            .map(|(round, (of_rival, of_baseline))| {
                let mut runs = vec![run(&rival, *of_rival), run(&baseline, *of_baseline)];
                if round % 2 == 1 {
                    runs.reverse();
                }
                runs
            })
            .collect();
        let side = side(&rival, &baseline, &rounds);
        let spread = |spread: Spread| [spread.least, spread.median, spread.most];
        let found = [side.cpu_ns_an_event, side.events_a_cpu_second, side.events_a_second, side.cpu_ratio_millis];
        assert_eq!(found.map(spread), expected);
    }

    #[test]
    fn medians_and_ratios_are_of_own_processes_and_of_the_same_round() {
        let control: Figures<'_> = (&[("control", 5_000)], 1, 1_000_000);
        check(
            &[((&[("a", 7_000), ("b", 3_000), ("kafka", 900_000)], 2, 1_000_000), control)],
            [[5_000; 3], [200_000; 3], [2; 3], [1_000; 3]],
        );
        // The machine was twice as slow in the second round, for both: the ratio is the same.
        check(
            &[
                ((&[("a", 10_000)], 1, 1_000_000), control),
                ((&[("a", 20_000)], 1, 2_000_000), (&[("control", 10_000)], 1, 1_000_000)),
            ],
            [[10_000, 15_000, 20_000], [50_000, 75_000, 100_000], [1, 1, 1], [2_000; 3]],
        );
        // A discarded round counts nowhere, and one of the baseline's not in the ratio.
        check(
            &[
                ((&[("a", 10_000)], 1, 1_000_000), control),
                ((&[("a", 99_000)], 1, 0), control),
                ((&[("a", 30_000)], 1, 1_000_000), (&[("control", 5_000)], 1, 0)),
            ],
            [[10_000, 20_000, 30_000], [33_333, 66_666, 100_000], [1; 3], [2_000; 3]],
        );
        check(&[((&[("kafka", 9)], 5, 1_000_000), control), ((&[], 0, 1_000_000), control)], [[0; 3]; 4]);
    }

    #[test]
    fn what_does_not_add_up_counts_nowhere() {
        let target = own("rival", &["a"]);
        let of = |found: i128| {
            let line = AuditLine { what: "records".to_owned(), expected: 1, found };
            let run = Run { audit: vec![line], ..run(&target, (&[("a", 5_000)], 1, 1_000_000)) };
            (crate::run::add_up([&run]).is_ok(), side(&target, &target, &[vec![run]]).cpu_ns_an_event.median)
        };
        assert_eq!((of(1), of(0)), ((true, 5_000), (false, 0)));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, least, median, most) in [
            (vec![], 0, 0, 0),
            (vec![7], 7, 7, 7),
            (vec![9, 1], 1, 5, 9),
            (vec![3, 1, 2], 1, 2, 3),
            (vec![4, 1, 3, 2], 1, 2, 4),
            (vec![u64::MAX, u64::MAX], u64::MAX, u64::MAX, u64::MAX),
        ] {
            assert_eq!(spread(values.clone()), Spread { least, median, most }, "{values:?}");
        }
    }
}
