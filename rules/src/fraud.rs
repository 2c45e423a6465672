//! Independent signals, each with a weight, what was observed and a sentence. The score is 1 - ∏(1 - weight).
//!
//! A partner reads the sentences: none tells a threshold or a weight.

mod bot_click;
mod disposable_email;
mod duplicate_customer;
mod own_email;
mod shared_click;
mod too_fast;
mod value_outlier;
mod velocity_address;
mod velocity_code;

use std::cmp::Reverse;

use schemas::{
    conversion::ReviewState,
    explanation::{Share, Signal},
    money::PPM,
    terms::{FraudTerms, SignalName, SignalTerms},
};

use crate::{Known, attribution::Winner, case::Case};

/// What a signal may look at.
pub(crate) struct Scene<'a> {
    pub(crate) known: &'a Known,
    pub(crate) case: &'a Case<'a>,
    pub(crate) winner: &'a Winner,
}

pub(crate) struct Assessment {
    /// Strongest first.
    pub(crate) signals: Vec<Signal>,
    pub(crate) score_ppm: u32,
    pub(crate) review: ReviewState,
}

/// What made a signal fire.
struct Observation {
    value: String,
    sentence: &'static str,
    threshold: Option<String>,
}

pub(crate) fn assess(scene: &Scene<'_>, terms: &FraudTerms) -> Assessment {
    let mut fired: Vec<(SignalTerms, Observation)> =
        terms.signals.iter().filter_map(|signal| Some((*signal, observe(scene, signal)?))).collect();
    fired.sort_by_key(|(signal, _)| (Reverse(signal.weight), signal.name));
    let score_ppm = score(fired.iter().map(|(signal, _)| signal.weight.0));
    let review = if score_ppm >= terms.review_from.0 { ReviewState::Pending } else { ReviewState::AutoApproved };
    let signals = fired.into_iter().map(|(terms, seen)| Signal {
        name: terms.name,
        weight: Some(Share(terms.weight.0)),
        value: seen.value,
        threshold: seen.threshold,
        sentence: seen.sentence.to_owned(),
    });
    Assessment { signals: signals.collect(), score_ppm, review }
}

fn observe(scene: &Scene<'_>, terms: &SignalTerms) -> Option<Observation> {
    match terms.name {
        SignalName::OwnEmail => own_email::observe(scene),
        SignalName::DuplicateCustomer => duplicate_customer::observe(scene),
        SignalName::BotClick => bot_click::observe(scene),
        SignalName::SharedClick => shared_click::observe(scene, terms.threshold),
        SignalName::VelocityAddress => velocity_address::observe(scene, terms.threshold),
        SignalName::DisposableEmail => disposable_email::observe(scene),
        SignalName::VelocityCode => velocity_code::observe(scene, terms.threshold),
        SignalName::ValueOutlier => value_outlier::observe(scene, terms.threshold),
        SignalName::TooFast => too_fast::observe(scene, terms.threshold),
    }
}

/// In parts per million, half up. The product is kept to 24 digits, which nine weights of six digits never blur.
fn score(weights: impl Iterator<Item = u32>) -> u32 {
    const ONE: u128 = 1_000_000_000_000_000_000_000_000;
    let whole = u128::from(PPM);
    let innocent = weights.fold(ONE, |product, weight| product * u128::from(PPM.saturating_sub(weight)) / whole);
    let scale = ONE / whole;
    let score_ppm = (ONE - innocent + scale / 2) / scale;
    u32::try_from(score_ppm).unwrap_or(PPM)
}
