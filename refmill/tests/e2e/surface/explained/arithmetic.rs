//! An explanation's arithmetic, done again from the numbers in it, beside what the ledger's transfers left.

use rusqlite::Connection as Database;
use serde_json::{Value, json};

/// A decided conversion as the ledger holds it.
pub(super) struct Decided {
    pub(super) order: String,
    pub(super) value: i64,
    pub(super) rejected: bool,
    pub(super) commission: i64,
    pub(super) partner: i64,
    pub(super) explanation: Value,
    /// What its transfers have left with the partner and with the platform.
    pub(super) stands: (i64, i64),
}

/// All that were decided.
pub(super) fn decisions(ledger: &Database) -> Vec<Decided> {
    // Kinds of accounts: 1 the company's, 2 to 4 a partner's, 5 and 6 the platform's. Reviews: 4 rejected. Standing: 4 parked.
    let sql = "
        WITH moved AS (
            SELECT conversion, credit_kind AS kind, amount_minor AS n FROM transfers
            UNION ALL SELECT conversion, debit_kind, -amount_minor FROM transfers)
        SELECT label, amount_minor, review = 4, commission_minor, partner_minor, explanation,
            coalesce((SELECT sum(n) FROM moved WHERE conversion = id AND kind IN (2, 3, 4)), 0),
            coalesce((SELECT sum(n) FROM moved WHERE conversion = id AND kind IN (5, 6)), 0),
            coalesce((SELECT sum(n) FROM moved WHERE conversion = id), 0)
        FROM conversions WHERE standing <> 4";
    let mut statement = ledger.prepare(sql).expect("the ledger's tables");
    let mut rows = statement.query([]).expect("decisions");
    let mut all = Vec::new();
    while let Some(row) = rows.next().expect("a decision") {
        let number = |n: usize| row.get::<_, i64>(n).expect("a number");
        let (order, explanation): (String, String) = (row.get(0).expect("a label"), row.get(5).expect("a text"));
        assert_eq!(number(8), 0, "{order} sums to zero");
        all.push(Decided {
            order,
            value: number(1),
            rejected: number(2) != 0,
            commission: number(3),
            partner: number(4),
            explanation: serde_json::from_str(&explanation).expect("JSON"),
            stands: (number(6), number(7)),
        });
    }
    all
}

impl Decided {
    /// Does the arithmetic again, step by step, and compares where it ends with what the transfers left.
    pub(super) fn recompute(&self) -> Result<(), String> {
        let steps = self.explanation["arithmetic"].as_array().ok_or("no arithmetic")?;
        let (mut left, mut commission, mut parts) = (Some(self.value), None, None);
        for step in steps {
            let wrong = || format!("{}: {step}", self.order);
            match step["step"].as_str() {
                Some("refund") => left = step["left"].as_i64(),
                Some("commission") => {
                    let input = step["input"].as_i64().ok_or_else(wrong)?;
                    let (rate, decimals) = decimal(step["rate"].as_str().ok_or_else(wrong)?);
                    let one = 10_i64.pow(decimals);
                    let result = (i128::from(input) * i128::from(rate) + i128::from(one / 2)) / i128::from(one);
                    commission = i64::try_from(result).ok();
                    let is_exact = step["exact"].as_str().is_none_or(|exact| is_same(exact, input * rate, one));
                    if Some(input) != left || step["result"].as_i64() != commission || !is_exact {
                        return Err(wrong());
                    }
                }
                Some("split") => {
                    let part = |name: &str| step["result"][name].as_i64();
                    let (partner, platform) = part("partner").zip(part("platform")).ok_or_else(wrong)?;
                    let whole = commission.ok_or_else(wrong)?;
                    if partner + platform != whole || partner != (whole * 8 + 5) / 10 {
                        return Err(wrong());
                    }
                    parts = Some((partner, platform));
                }
                _ => return Err(wrong()),
            }
        }
        // No step at all: nobody is credited, and nothing moved.
        let worked_out = if steps.is_empty() { (0, 0) } else { parts.ok_or("no split")? };
        let stays = if self.rejected { (0, 0) } else { worked_out };
        let is_told = self.rejected || (self.commission, self.partner) == (stays.0 + stays.1, stays.0);
        if self.stands == stays && is_told {
            return Ok(());
        }
        Err(format!("{}: {:?} moved, {stays:?} was worked out: {}", self.order, self.stands, self.explanation))
    }
}

/// The digits of a decimal, and how many stand behind the point.
fn decimal(text: &str) -> (i64, u32) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (format!("{whole}{fraction}").parse().expect("digits"), fraction.len() as u32)
}

/// Whether a decimal is `number / one`.
fn is_same(text: &str, number: i64, one: i64) -> bool {
    let (digits, decimals) = decimal(text);
    i128::from(digits) * i128::from(one) == i128::from(number) * 10_i128.pow(decimals)
}

#[test]
fn other_arithmetic_is_caught() {
    let commission = json!({ "step": "commission", "input": 4999, "rate": "0.10", "exact": "499.9", "result": 500 });
    let split = json!({ "step": "split", "fee": "0.20", "result": { "partner": 400, "platform": 100 } });
    let good = || Decided {
        order: "o".to_owned(),
        value: 9999,
        rejected: false,
        commission: 500,
        partner: 400,
        explanation: json!({ "arithmetic": [{ "step": "refund", "refunded": 5000, "left": 4999 }, commission, split] }),
        stands: (400, 100),
    };
    assert_eq!(good().recompute(), Ok(()));
    assert_eq!(Decided { rejected: true, stands: (0, 0), ..good() }.recompute(), Ok(()));
    let check = |what: &str, wrong: Decided| assert!(wrong.recompute().is_err(), "{what}: not caught");
    check("a transfer too many", Decided { stands: (800, 200), ..good() });
    check("a transfer too few", Decided { stands: (0, 0), ..good() });
    check("money after a rejection", Decided { rejected: true, ..good() });
    check("another commission", Decided { commission: 501, ..good() });
    check("another part", Decided { partner: 399, ..good() });
    for (at, field, value) in [
        (0, "left", json!(9999)),
        (1, "input", json!(9999)),
        (1, "rate", json!("0.11")),
        (1, "exact", json!("499.8")),
        (1, "result", json!(499)),
        (2, "result", json!({ "partner": 399, "platform": 101 })),
        (2, "result", json!({ "partner": 400, "platform": 101 })),
        (2, "step", json!("other")),
    ] {
        let mut wrong = good();
        wrong.explanation["arithmetic"][at][field] = value;
        check(field, wrong);
    }
    check("no steps", Decided { explanation: json!({ "arithmetic": [] }), ..good() });
}
