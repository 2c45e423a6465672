//! The terms that a program of each dialect starts with.

use schemas::{
    ids::ProgramId,
    money::Rate,
    terms::{
        Caps, CommissionAmount, CommissionRule, EvidenceKey, FraudTerms, OnConflict, Policy, Selector, SignalName,
        SignalTerms, Terms, Trigger,
    },
    time::TimeMs,
};

/// A company's affiliates: the newest click of the code inside the window.
pub fn refuel(program: ProgramId, rate: Rate, window_days: u32, effective_from: TimeMs) -> Terms {
    let policy = Policy {
        name: "refuel/1".to_owned(),
        keys: vec![EvidenceKey::Receipt, EvidenceKey::Code],
        selector: Selector::Last,
        window_days,
        code_needs_click: true,
        lock_customer: false,
        await_lead_hours: 0,
        on_conflict: OnConflict::CodeWins,
    };
    terms(program, policy, rate, Rate(200_000), 0, effective_from)
}

/// Agents: the first touch makes the lead, and the customer stays with its agent.
pub fn refairn(program: ProgramId, rate: Rate, effective_from: TimeMs) -> Terms {
    let policy = Policy {
        name: "refairn/1".to_owned(),
        keys: vec![EvidenceKey::Customer, EvidenceKey::Receipt, EvidenceKey::Code],
        selector: Selector::First,
        window_days: 90,
        code_needs_click: false,
        lock_customer: true,
        await_lead_hours: 24,
        on_conflict: OnConflict::CodeWins,
    };
    terms(program, policy, rate, Rate(0), 14, effective_from)
}

/// Partners: the last click within 90 days.
pub fn refport(program: ProgramId, rate: Rate, effective_from: TimeMs) -> Terms {
    let policy = Policy {
        name: "refport/1".to_owned(),
        keys: vec![EvidenceKey::Receipt, EvidenceKey::Code, EvidenceKey::Customer],
        selector: Selector::Last,
        window_days: 90,
        code_needs_click: true,
        lock_customer: false,
        await_lead_hours: 0,
        on_conflict: OnConflict::ClickWins,
    };
    terms(program, policy, rate, Rate(0), 0, effective_from)
}

/// Referrals among users: whoever's code was typed.
pub fn reflio(program: ProgramId, rate: Rate, effective_from: TimeMs) -> Terms {
    let policy = Policy {
        name: "reflio/1".to_owned(),
        keys: vec![EvidenceKey::Code, EvidenceKey::Customer],
        selector: Selector::Last,
        window_days: 90,
        code_needs_click: false,
        lock_customer: true,
        await_lead_hours: 0,
        on_conflict: OnConflict::CodeWins,
    };
    terms(program, policy, rate, Rate(0), 0, effective_from)
}

/// Payments of any billing provider: the customer that a conversion made known before.
pub fn reditus(program: ProgramId, rate: Rate, effective_from: TimeMs) -> Terms {
    let policy = Policy {
        name: "reditus/1".to_owned(),
        keys: vec![EvidenceKey::Customer, EvidenceKey::Receipt, EvidenceKey::Code],
        selector: Selector::First,
        window_days: 90,
        code_needs_click: false,
        lock_customer: true,
        await_lead_hours: 24,
        on_conflict: OnConflict::ClickWins,
    };
    terms(program, policy, rate, Rate(0), 0, effective_from)
}

/// Weights and thresholds as every program starts with them.
pub fn fraud() -> FraudTerms {
    let signal = |name, weight_ppm, threshold| SignalTerms { name, weight: Rate(weight_ppm), threshold };
    FraudTerms {
        signals: vec![
            signal(SignalName::OwnEmail, 700_000, 0),
            signal(SignalName::DuplicateCustomer, 600_000, 0),
            signal(SignalName::BotClick, 600_000, 0),
            signal(SignalName::SharedClick, 500_000, 3),
            signal(SignalName::VelocityAddress, 400_000, 20),
            signal(SignalName::DisposableEmail, 400_000, 0),
            signal(SignalName::VelocityCode, 300_000, 20),
            signal(SignalName::ValueOutlier, 300_000, 20),
            signal(SignalName::TooFast, 200_000, 5_000),
        ],
        review_from: Rate(500_000),
        severe_from: Rate(850_000),
    }
}

fn terms(
    program: ProgramId,
    policy: Policy,
    rate: Rate,
    platform_fee: Rate,
    hold_days: u32,
    effective_from: TimeMs,
) -> Terms {
    let on_sales = CommissionRule {
        on: Trigger::Sale,
        product: None,
        amount: CommissionAmount::Percent(rate),
        tiers: Vec::new(),
        recurring: None,
    };
    Terms {
        program,
        version: 1,
        effective_from,
        policy,
        commission: vec![on_sales],
        platform_fee,
        hold_days,
        caps: Caps::default(),
        fraud: fraud(),
    }
}
