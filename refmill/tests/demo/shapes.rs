//! The demo around the servers comes to what it comes to embedded, to the penny.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::place::Place;
use crate::running::{Running, play};

/// All that a run says and leaves behind, with names in place of ids that each deployment draws for itself.
#[derive(Debug, PartialEq)]
struct Told {
    /// What the demo prints.
    tables: String,
    outcomes: Value,
    ledger: Value,
    dashboard: Value,
    balances: Value,
}

/// A deployment that the demo was played against.
struct Played {
    server: Running,
    tables: String,
    _site: TempDir,
}

/// Long enough for a slow machine: whether an answer comes in time is not what is compared.
const DECISION_WAIT: [&str; 2] = ["--decision-wait-ms", "20000"];

impl Played {
    fn with(mut flags: Vec<String>) -> Played {
        let site = tempfile::tempdir().expect("a folder");
        let data = site.path().join("data");
        flags.extend(DECISION_WAIT.map(str::to_owned));
        let server = Running::start(&data, &flags);
        let output = play(&data).output().expect("the demo runs");
        let tables = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{tables}{}", String::from_utf8_lossy(&output.stderr));
        Played { server, tables, _site: site }
    }

    fn told(&self) -> Told {
        let [dashboard, balances, ledger] = self.server.seen();
        let outcomes = self.server.send("GET /companies/outcomes", "");
        Told {
            tables: self.tables.replace(&self.server.address, "ADDRESS"),
            outcomes: outcomes["totals"].clone(),
            ledger: self.named(&ledger),
            dashboard: self.named(&dashboard),
            balances: self.named(&balances),
        }
    }

    /// With e-mail addresses in place of the partners' ids.
    fn named(&self, said: &Value) -> Value {
        let mut text = said.to_string();
        for affiliate in self.server.kept["affiliates"].as_array().expect("a list") {
            let [id, email] = ["id", "email"].map(|name| affiliate[name].as_str().expect("a text"));
            text = text.replace(id, email);
        }
        serde_json::from_str(&text).expect("JSON")
    }

    fn sell(&self, pence: i64) {
        let code = self.server.kept["affiliates"][0]["codes"][0].as_str().expect("a code");
        let sale =
            json!({ "orderId": "one more", "orderValue": pence, "currency": "GBP", "affiliateCode": code }).to_string();
        let sold = self.server.send("POST /track/conversion", &sale);
        assert!(sold["commissionAmount"].as_i64() > Some(0), "{sold}");
    }
}

/// The lines in which two texts are not the same, in pairs.
fn differing(one: &str, other: &str) -> String {
    let at_most = one.lines().count().max(other.lines().count());
    let padded = |text: &str| {
        text.lines().map(str::to_owned).chain(std::iter::repeat(String::new())).take(at_most).collect::<Vec<_>>()
    };
    let pairs = padded(one).into_iter().zip(padded(other));
    pairs.filter(|(one, other)| one != other).map(|(one, other)| format!("{one}\n{other}\n")).collect()
}

#[test]
fn both_shapes_come_to_the_same() {
    let place = Place::new();
    let around = Played::with(place.flags());
    let embedded = Played::with(Vec::new());
    let (told, expected) = (around.told(), embedded.told());
    assert!(told.tables.contains('✓') && !told.tables.contains('✗'), "{}", told.tables);
    assert!(told.ledger[0]["debits"].as_i64() > Some(0), "{told:?}");
    let apart = differing(&told.tables, &expected.tables);
    assert!(apart.is_empty(), "around the servers, and embedded:\n{apart}{:#}\n{:#}", told.outcomes, expected.outcomes);
    assert_eq!(told, expected);

    // The control: a sale that only one of the two has is seen in the books, and so is a penny of commission.
    around.sell(1_000);
    assert_ne!(around.told().ledger, expected.ledger);
    embedded.sell(1_010);
    assert_ne!(around.told().ledger, embedded.told().ledger);
}
