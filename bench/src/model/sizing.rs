use std::fmt::{self, Display};

use super::measured::Measured;

/// What is not measured. Each can be said otherwise.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Assumed {
    /// The busiest second over the mean of the day, in hundredths
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(100..=100_000))]
    pub(crate) peak_percent: u64,

    /// Of a core, at the peak, in hundredths
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) utilisation_percent: u64,

    /// All machines are alike
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1_024))]
    pub(crate) cores_a_machine: u64,

    /// Of a broker or a ClickHouse server, in GB, and at most four fifths of it are used
    #[arg(long, value_name = "GB", default_value_t = 16_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) disk_gb: u64,

    /// How often the log is kept, each time at a broker's whole cost
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=10))]
    pub(crate) log_replicas: u64,

    /// How long the log is kept
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=3_650))]
    pub(crate) log_days: u64,

    /// How often facts and ledger are kept, each time at a server's whole cost
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=10))]
    pub(crate) store_replicas: u64,

    /// How long facts are kept
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=3_650))]
    pub(crate) facts_days: u64,

    /// Of all companies: each edge has all of them in memory
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    pub(crate) links: u64,
}

/// What one number of clicks a day needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needed {
    pub(super) mean_a_second: u64,
    pub(super) peak_a_second: u64,
    pub(super) edge: Role,
    pub(super) processor: Role,
    pub(super) broker: Role,
    pub(super) facts: Role,
    pub(super) ledger: Role,
    pub(super) touches: Role,
    pub(super) partitions: u64,
    pub(super) links_bytes: u64,
    pub(super) broker_bytes: u128,
    pub(super) facts_bytes: u128,
    pub(super) ledger_bytes: u128,
}

/// Cores that are had, utilisation included, and the machines that they are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) cores: u64,
    pub(super) machines: u64,
}

const SECONDS_A_DAY: u64 = 86_400;
const NS_A_SECOND: u128 = 1_000_000_000;
const DAYS_A_YEAR: u64 = 365;
const BYTES_A_GB: u128 = 1_000_000_000;
/// Of a disk, in percent: merges, and what comes while somebody orders another one, need the rest.
const DISK_FILLED_PERCENT: u128 = 80;
/// One of a role may fail.
const MACHINES_MIN: u64 = 2;
/// As many as must be there for a write to stand on two of them while one is away.
const BROKERS_MIN: u64 = 3;
/// So that owners can be moved without splitting.
const PARTITIONS_MIN: u64 = 12;

pub(super) fn needed(measured: &Measured, assumed: &Assumed, clicks_a_day: u64) -> Needed {
    let peak = clicks_a_day.saturating_mul(assumed.peak_percent).div_ceil(SECONDS_A_DAY * 100);
    let role = |ns: u64, replicas: u64, bytes: u128, least: u64| {
        let cores = cores(peak, ns, assumed).saturating_mul(replicas).max(1);
        let for_cores = cores.div_ceil(assumed.cores_a_machine);
        Role { cores, machines: for_cores.max(for_disk(bytes, assumed)).max(least) }
    };
    let kept = |millibytes: u64, days: u64, replicas: u64| {
        let a_day = u128::from(clicks_a_day) * u128::from(millibytes) / 1_000;
        a_day.saturating_mul(u128::from(days) * u128::from(replicas))
    };
    let broker_bytes = kept(measured.broker_millibytes, assumed.log_days, assumed.log_replicas);
    let facts_bytes = kept(measured.facts_millibytes, assumed.facts_days, assumed.store_replicas);
    let ledger_bytes = kept(measured.ledger_millibytes, DAYS_A_YEAR, assumed.store_replicas);
    Needed {
        mean_a_second: clicks_a_day / SECONDS_A_DAY,
        peak_a_second: peak,
        edge: role(measured.edge_ns, 1, 0, MACHINES_MIN),
        processor: role(measured.processor_ns, 1, 0, MACHINES_MIN),
        broker: role(measured.broker_ns, assumed.log_replicas, broker_bytes, BROKERS_MIN.max(assumed.log_replicas)),
        facts: role(measured.facts_ns, assumed.store_replicas, facts_bytes, MACHINES_MIN.max(assumed.store_replicas)),
        ledger: role(
            measured.ledger_ns,
            assumed.store_replicas,
            ledger_bytes,
            MACHINES_MIN.max(assumed.store_replicas),
        ),
        touches: role(measured.touches_ns, 1, 0, MACHINES_MIN),
        // A partition's owner decides on one core.
        partitions: cores(peak, measured.processor_ns, assumed).max(PARTITIONS_MIN),
        links_bytes: measured.bytes_a_link.saturating_mul(assumed.links),
        broker_bytes,
        facts_bytes,
        ledger_bytes,
    }
}

/// Of which no more than the utilisation is used.
fn cores(a_second: u64, ns: u64, assumed: &Assumed) -> u64 {
    let busy = u128::from(a_second) * u128::from(ns) * 100;
    u64::try_from(busy.div_ceil(NS_A_SECOND * u128::from(assumed.utilisation_percent))).unwrap_or(u64::MAX)
}

fn for_disk(bytes: u128, assumed: &Assumed) -> u64 {
    let filled = u128::from(assumed.disk_gb) * BYTES_A_GB * DISK_FILLED_PERCENT / 100;
    u64::try_from(bytes.div_ceil(filled.max(1))).unwrap_or(u64::MAX)
}

impl Display for Assumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Assumed { peak_percent, utilisation_percent, cores_a_machine, disk_gb, log_replicas, .. } = self;
        let Assumed { log_days, store_replicas, facts_days, links, .. } = self;
        let (whole, part) = (peak_percent / 100, peak_percent % 100);
        writeln!(
            f,
            "Assumed: a peak of {whole}.{part:02} times the day's mean, at which {utilisation_percent} % of the cores are busy; machines of \
             {cores_a_machine} cores like those that were measured, with {disk_gb} GB of disk where disk is needed, filled to \
             {DISK_FILLED_PERCENT} %; the log kept {log_replicas} times for {log_days} days; facts kept {store_replicas} times for \
             {facts_days} days; {links} links, all of them in each edge. Each copy is charged as much CPU as the first. Two machines of each \
             role at least, {BROKERS_MIN} brokers, {PARTITIONS_MIN} partitions, each of which one core decides. Networks, load balancers and \
             dashboards' queries are not in it; where Postgres needs more than one machine's cores beside its copy, companies must be spread \
             over as many deployments."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSUMED: Assumed = Assumed {
        peak_percent: 300,
        utilisation_percent: 50,
        cores_a_machine: 16,
        disk_gb: 16_000,
        log_replicas: 3,
        log_days: 7,
        store_replicas: 2,
        facts_days: 365,
        links: 10_000_000,
    };

    fn measured() -> Measured {
        Measured {
            edge_ns: 20_000,
            processor_ns: 1_000,
            broker_ns: 2_000,
            facts_ns: 3_000,
            ledger_ns: 500,
            touches_ns: 10,
            broker_millibytes: 200_000,
            facts_millibytes: 60_000,
            ledger_millibytes: 250,
            bytes_a_link: 90,
        }
    }

    #[test]
    fn a_day_is_carried_over_by_hand() {
        let needed = needed(&measured(), &ASSUMED, 1_000_000_000);
        // 10^9 × 3 / 86,400 = 34,722.2…, and 34,723 × 20 µs / 0.5 = 1.39 cores.
        assert_eq!((needed.mean_a_second, needed.peak_a_second), (11_574, 34_723));
        assert_eq!(needed.edge, Role { cores: 2, machines: 2 });
        assert_eq!(needed.processor, Role { cores: 1, machines: 2 });
        assert_eq!(needed.partitions, 12);
        // 10^9 × 200 × 7 × 3 = 4.2 TB, and 60 × 365 × 2 × 10^9 = 43.8 TB in 12.8 TB each.
        assert_eq!((needed.broker_bytes, needed.broker), (4_200_000_000_000, Role { cores: 3, machines: 3 }));
        assert_eq!((needed.facts_bytes, needed.facts), (43_800_000_000_000, Role { cores: 2, machines: 4 }));
        // A quarter of a byte × 365 × 2 × 10^9.
        assert_eq!((needed.ledger_bytes, needed.ledger.machines), (182_500_000_000, 2));
        assert_eq!(needed.links_bytes, 900_000_000);
    }

    #[test]
    fn a_hundred_times_the_clicks_need_a_hundred_times_the_cores() {
        let needed = needed(&measured(), &ASSUMED, 100_000_000_000);
        assert_eq!(needed.peak_a_second, 3_472_223);
        // 3,472,223 × 20 µs × 2 = 138.9 cores.
        assert_eq!(needed.edge, Role { cores: 139, machines: 9 });
        assert_eq!((needed.processor.cores, needed.partitions), (7, 12));
        assert_eq!((needed.broker_bytes, needed.broker), (420_000_000_000_000, Role { cores: 42, machines: 33 }));
        assert_eq!((needed.facts.cores, needed.facts.machines), (42, 343));
    }

    #[test]
    fn any_number_is_carried_over() {
        let most =
            Measured { edge_ns: u64::MAX, facts_millibytes: u64::MAX, bytes_a_link: u64::MAX, ..Measured::default() };
        let needed = needed(&most, &ASSUMED, u64::MAX / 1_000);
        assert_eq!((needed.edge.cores, needed.links_bytes), (u64::MAX, u64::MAX));
        let none = super::needed(&Measured::default(), &ASSUMED, 0);
        assert_eq!((none.edge, none.broker.machines), (Role { cores: 1, machines: 2 }, 3));
    }
}
