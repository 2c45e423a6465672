use std::collections::{BTreeMap, btree_map::Entry};

use anyhow::{Context as _, ensure};

use crate::record::{Document, Machine};

/// Between two commands of which both were typed.
pub(crate) const AND: &str = "&&";

/// Several documents as one, in the order in which they were begun. Figures of two machines don't belong beside each other.
pub(crate) fn merge(mut documents: Vec<Document>) -> anyhow::Result<Document> {
    documents.sort_by_key(|document| document.began_at_ms);
    let mut documents = documents.into_iter();
    let mut merged = documents.next().context("there is nothing to show")?;
    for next in documents {
        let versions = same_machine(&mut merged.machine, next.machine)?;
        add_versions(&mut merged.machine.versions, versions);
        if next.command != merged.command {
            merged.command.push(AND.to_owned());
            merged.command.extend(next.command);
        }
        merged.runs.extend(next.runs);
        merged.sweeps.extend(next.sweeps);
        merged.comparisons.extend(next.comparisons);
        merged.growths.extend(next.growths);
    }
    Ok(merged)
}

/// What may differ between two boots of one machine is kept of the first, but the load average: its highest says how quiet it was.
fn same_machine(machine: &mut Machine, other: Machine) -> anyhow::Result<BTreeMap<String, String>> {
    ensure!(
        (machine.cores, &machine.processor) == (other.cores, &other.processor),
        "figures of two machines don't belong in one report: {} cores of {} and {} cores of {}",
        machine.cores,
        machine.processor,
        other.cores,
        other.processor
    );
    machine.load_average_millis = machine.load_average_millis.max(other.load_average_millis);
    if !machine.kernel.split(" and ").any(|known| known == other.kernel) {
        machine.kernel = format!("{} and {}", machine.kernel, other.kernel);
    }
    Ok(other.versions)
}

/// One product may well have been there in two versions: a rival's broker is older.
pub(crate) fn add_versions(versions: &mut BTreeMap<String, String>, others: BTreeMap<String, String>) {
    for (product, version) in others {
        match versions.entry(product) {
            Entry::Vacant(free) => drop(free.insert(version)),
            Entry::Occupied(mut known) => {
                if !known.get().split(" and ").any(|one| one == version) {
                    let both = format!("{} and {version}", known.get());
                    known.insert(both);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(began_at_ms: u64, processor: &str, command: &str, kafka: &str) -> Document {
        let machine = Machine {
            cores: 2,
            processor: processor.to_owned(),
            memory_bytes: 8 << 30,
            kernel: "6.1".to_owned(),
            load_average_millis: began_at_ms,
            versions: BTreeMap::from([("kafka".to_owned(), kafka.to_owned())]),
        };
        let command = command.split(' ').map(str::to_owned).collect();
        let (runs, sweeps, comparisons, growths) = Default::default();
        Document { machine, began_at_ms, command, runs, sweeps, comparisons, growths }
    }

    #[test]
    fn documents_of_one_machine_become_one() {
        let [second, first] = [document(20, "A", "bench sweep", "3.9.1"), document(10, "A", "bench run", "4.3.0")];
        let again = document(30, "A", "bench compare", "4.3.0");
        let merged = merge(vec![second, first, again]).expect("they are of one machine");
        assert_eq!(merged.began_at_ms, 10);
        assert_eq!(merged.command.join(" "), "bench run && bench sweep && bench compare");
        assert_eq!(merged.machine.versions["kafka"], "4.3.0 and 3.9.1");
        assert_eq!((merged.machine.load_average_millis, merged.machine.kernel.as_str()), (30, "6.1"));
    }

    #[test]
    fn documents_of_two_machines_do_not() {
        let [one, other] = [document(10, "A", "bench run", "4"), document(20, "B", "bench run", "4")];
        let why = merge(vec![one, other]).expect_err("they are of two machines").to_string();
        assert!(why.contains("two machines"), "{why}");
        assert!(merge(Vec::new()).is_err());
    }
}
