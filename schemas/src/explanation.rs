//! Why a conversion was decided as it was, complete enough to work it out again. Stored as JSON beside the decision.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    ids::PartnerId,
    money::PPM,
    terms::{EvidenceKey, SignalName},
    time::TimeMs,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub candidates: Vec<Candidate>,
    /// Index into `candidates`.
    pub winner: Option<usize>,
    pub policy: String,
    pub terms_version: u32,
    pub arithmetic: Vec<Step>,
    pub signals: Vec<Signal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Share>,
    pub review: String,
    /// What of facts and of other partitions' rows this was decided on, and how far they reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts_up_to: Option<u64>,
}

/// A piece of evidence and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    pub key: EvidenceKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub click_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    pub verdict: CandidateVerdict,
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateVerdict {
    Won,
    Lost,
    OutsideWindow,
    Bot,
}

/// One line of the calculation. All amounts are minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// `result` is `input × rate`, half up; or the flat amount.
    Commission {
        input: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rate: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exact: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flat: Option<i64>,
        result: i64,
    },
    /// The commission is no more than `left` of the program's budget, or of what a refunded sale was granted.
    Cap {
        left: i64,
        result: i64,
    },
    Split {
        fee: String,
        result: Parts,
    },
    /// What was refunded so far and what is left of the sale.
    Refund {
        refunded: i64,
        left: i64,
        at: TimeMs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    pub partner: i64,
    pub platform: i64,
}

/// A fraud signal that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    pub name: SignalName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Share>,
    /// What was observed, with its unit.
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
    pub sentence: String,
}

/// A part of one in parts per million that is no money: a weight or a score. In JSON a number such as `0.52`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u32);

impl Share {
    /// Rounded half up to two decimals.
    pub fn hundredths(self) -> Share {
        Share((self.0 + PPM / 200) / (PPM / 100) * (PPM / 100))
    }
}

impl Serialize for Share {
    #[expect(clippy::float_arithmetic, reason = "JSON has no other number, and a score is no money")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / f64::from(PPM))
    }
}

impl<'de> Deserialize<'de> for Share {
    #[expect(clippy::float_arithmetic, reason = "JSON has no other number, and a score is no money")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Ok(Share((number * f64::from(PPM)).round() as u32))
    }
}

impl Explanation {
    /// What the partner may see: what happened, without the weights and thresholds that tell how to stay below them, and
    /// without the score, which is a weight where one signal fired.
    pub fn for_partner(&self) -> Explanation {
        let mut seen = self.clone();
        seen.score = None;
        for signal in &mut seen.signals {
            signal.weight = None;
            signal.threshold = None;
        }
        seen
    }
}
