//! The shape of an explanation, for the documentation. What is shown is `schemas::explanation::Explanation` itself.
#![expect(dead_code, reason = "these describe what another type writes")]

use utoipa::ToSchema;

/// Why a conversion was decided as it was, complete enough to work it out again.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExplanationShape {
    candidates: Vec<CandidateShape>,
    /// Index into `candidates`; null where nothing won.
    #[schema(required = true)]
    winner: Option<u32>,
    /// Name and version of the attribution policy.
    #[schema(example = "refuel/1")]
    policy: String,
    /// The version of the program's terms that decided it.
    #[schema(example = 3)]
    terms_version: u32,
    arithmetic: Vec<StepShape>,
    /// Fraud signals that fired.
    signals: Vec<SignalShape>,
    /// From 0 to 1; an affiliate does not see it.
    #[schema(nullable = false, example = 0.2)]
    score: Option<f64>,
    /// `auto_approved`, `pending_review`, `approved` or `rejected`.
    #[schema(example = "auto_approved")]
    review: String,
}

/// A piece of evidence and what became of it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct CandidateShape {
    /// `receipt`, `code` or `customer`.
    #[schema(example = "code")]
    key: String,
    #[schema(nullable = false)]
    click_id: Option<String>,
    #[schema(nullable = false, example = "aff_0000000000001")]
    partner: Option<String>,
    #[schema(nullable = false, format = DateTime)]
    at: Option<String>,
    /// `won`, `lost`, `outside_window` or `bot`.
    #[schema(example = "won")]
    verdict: String,
    why: String,
}

/// One line of the calculation, in minor units.
#[derive(ToSchema)]
struct StepShape {
    /// `commission`, `split` or `refund`.
    #[schema(example = "commission")]
    step: String,
    #[schema(nullable = false, example = 9999)]
    input: Option<i64>,
    #[schema(nullable = false, example = "0.10")]
    rate: Option<String>,
    /// Before it is rounded half up.
    #[schema(nullable = false, example = "999.9")]
    exact: Option<String>,
    /// In place of a rate.
    #[schema(nullable = false)]
    flat: Option<i64>,
    /// The platform's part of the commission.
    #[schema(nullable = false, example = "0.20")]
    fee: Option<String>,
    /// All refunds of the sale so far.
    #[schema(nullable = false)]
    refunded: Option<i64>,
    /// What refunds have left of the sale.
    #[schema(nullable = false)]
    left: Option<i64>,
    /// Of a refund, in milliseconds since 1970.
    #[schema(nullable = false)]
    at: Option<i64>,
    /// An amount, or of a split `partner` and `platform`.
    #[schema(value_type = Option<Value>, nullable = false, example = 1000)]
    result: Option<String>,
}

#[derive(ToSchema)]
struct SignalShape {
    #[schema(example = "too_fast")]
    name: String,
    /// An affiliate does not see it.
    #[schema(nullable = false, example = 0.2)]
    weight: Option<f64>,
    /// What was observed.
    #[schema(example = "1.2 s")]
    value: String,
    /// An affiliate does not see it.
    #[schema(nullable = false, example = "5 s")]
    threshold: Option<String>,
    sentence: String,
}
