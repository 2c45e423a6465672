use schemas::{
    conversion::{Conversion, HouseStatus, RefundApplied, Standing},
    decision::Refusal,
    ids::{ConversionId, PartnerId},
    money::Currency,
    terms::SignalName,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::number::Hundredths;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Under review.
    Pending,
    Approved,
    /// By review, because nobody is credited, or because it was refused.
    Rejected,
    /// Taken and not decided yet.
    Processing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConversionOutcome {
    Attributed,
    Unattributed,
    Refused,
}

/// A decided conversion. Amounts are minor units of `currency`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversionView {
    #[schema(value_type = String, example = "conv_00000000000000000000000001")]
    id: ConversionId,
    #[schema(example = "order_123")]
    order_id: String,
    /// As it was sold.
    #[schema(example = 9999)]
    order_value: i64,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// After refunds.
    #[schema(example = 1000)]
    commission_amount: i64,
    /// The affiliate's part of the commission, after refunds.
    #[schema(example = 800)]
    affiliate_payout: i64,
    /// All refunds together.
    #[schema(example = 0)]
    refunded_amount: i64,
    status: Status,
    outcome: ConversionOutcome,
    /// Why it is unattributed (for example `no_click_in_window`) or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
    /// Who is credited.
    #[schema(value_type = Option<String>, required = true, example = "aff_0000000000001")]
    affiliate_id: Option<PartnerId>,
    /// From 0 to 1, two decimals; an affiliate does not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, nullable = false, example = 0.05)]
    fraud_score: Option<Hundredths>,
    /// Names of the signals that fired, strongest first.
    #[schema(value_type = Vec<String>, example = json!(["own_email"]))]
    fraud_flags: Vec<SignalName>,
    /// When it was taken, RFC 3339.
    #[schema(format = DateTime, example = "2026-03-30T10:00:00.000Z")]
    created_at: String,
    /// The sale's own time, RFC 3339: what dashboards put it under.
    #[schema(format = DateTime, example = "2026-03-30T10:00:00.000Z")]
    occurred_at: String,
}

/// A refund that was applied.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundView {
    #[schema(example = "refund_1")]
    refund_id: String,
    #[schema(example = 3333)]
    amount: i64,
    /// Of the sale, this refund included.
    #[schema(example = 3333)]
    refunded_amount: i64,
    /// What remained after it.
    #[schema(example = 667)]
    commission_amount: i64,
    /// What remained after it.
    #[schema(example = 534)]
    affiliate_payout: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// RFC 3339.
    #[schema(format = DateTime, example = "2026-03-30T10:00:00.000Z")]
    created_at: String,
}

impl ConversionView {
    pub(crate) fn for_company(conversion: &Conversion) -> ConversionView {
        let (outcome, reason) = match conversion.standing {
            Standing::Attributed | Standing::Parked => (ConversionOutcome::Attributed, None),
            Standing::Unattributed(why) => (ConversionOutcome::Unattributed, Some(why.as_str())),
            Standing::Refused(refusal) => (ConversionOutcome::Refused, Some(Refusal::as_str(refusal))),
        };
        ConversionView {
            id: conversion.id,
            order_id: conversion.label.clone(),
            order_value: conversion.amount_minor,
            currency: conversion.currency,
            commission_amount: conversion.commission_minor,
            affiliate_payout: conversion.partner_minor,
            refunded_amount: conversion.refunded_minor,
            status: conversion.house_status().into(),
            outcome,
            reason,
            affiliate_id: conversion.partner,
            fraud_score: Some(Hundredths::of_ppm(conversion.score_ppm)),
            fraud_flags: conversion.signals.clone(),
            created_at: conversion.taken_at.rfc3339(),
            occurred_at: conversion.occurred_at.rfc3339(),
        }
    }

    pub(crate) fn for_partner(conversion: &Conversion) -> ConversionView {
        ConversionView { fraud_score: None, ..ConversionView::for_company(conversion) }
    }
}

impl From<Option<HouseStatus>> for Status {
    fn from(status: Option<HouseStatus>) -> Status {
        match status {
            Some(HouseStatus::Pending) => Status::Pending,
            Some(HouseStatus::Approved) => Status::Approved,
            Some(HouseStatus::Rejected) => Status::Rejected,
            None => Status::Processing,
        }
    }
}

impl From<RefundApplied> for RefundView {
    fn from(refund: RefundApplied) -> RefundView {
        RefundView {
            refund_id: refund.label,
            amount: refund.amount_minor,
            refunded_amount: refund.refunded_minor,
            commission_amount: refund.commission_minor,
            affiliate_payout: refund.partner_minor,
            reason: refund.reason,
            created_at: refund.at.rfc3339(),
        }
    }
}
