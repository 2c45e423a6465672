use std::collections::BTreeMap;

use serde_json::Value;

/// Everything that could be read, each number and text under where it stands.
pub(super) struct Recorded(BTreeMap<String, Value>);

impl Recorded {
    pub(super) fn new(lists: Vec<(String, Value)>) -> Recorded {
        let mut leaves = BTreeMap::new();
        for (name, value) in lists {
            if name.ends_with("outcomes") {
                // By kind: a day's end between two looks changes nothing.
                let totals = value["totals"].as_array().expect("counts of every kind");
                for total in totals {
                    let kind = total["kind"].as_str().expect("a kind");
                    flatten(&format!("{name} {kind}"), total, &mut leaves);
                }
            } else {
                flatten(&name, &value, &mut leaves);
            }
        }
        Recorded(leaves)
    }

    /// What another look saw otherwise, but for what edges refused and for these counts of kinds and outcomes.
    pub(super) fn differences(&self, after: &Recorded, decided: &[(&str, &str, i64)]) -> Vec<String> {
        let mut allowed: Vec<(&str, &str, i64)> = decided.to_vec();
        let mut found = Vec::new();
        for at in self.0.keys().chain(after.0.keys().filter(|at| !self.0.contains_key(*at))) {
            let (was, is) = (self.0.get(at), after.0.get(at));
            let counted_refusal = at.contains("outcomes") && (at.ends_with("/edgeRefused") || at.ends_with("/total"));
            if was == is || counted_refusal {
                continue;
            }
            let more = number(is).zip(number(was)).map(|(is, was)| is - was);
            let is_of = |(kind, outcome, _): &(&str, &str, i64)| at.ends_with(&format!("outcomes {kind}/{outcome}"));
            match allowed.iter().position(|entry| is_of(entry) && more == Some(entry.2)) {
                Some(known) => drop(allowed.remove(known)),
                None => found.push(format!("{at}: {was:?} became {is:?}")),
            }
        }
        found.extend(allowed.iter().map(|left| format!("not counted: {left:?}")));
        found
    }
}

fn number(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_i64)
}

fn flatten(at: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&format!("{at}/{name}"), value, into)),
        Value::Array(items) => {
            into.insert(format!("{at}/length"), items.len().into());
            items.iter().enumerate().for_each(|(n, value)| flatten(&format!("{at}/{n}"), value, into));
        }
        leaf => {
            into.insert(at.to_owned(), leaf.clone());
        }
    }
}
