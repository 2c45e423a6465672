//! What is counted and added up of conversions as they stand.

use std::collections::BTreeMap;

use schemas::{
    conversion::{Conversion, ReviewState, Settlement, Standing},
    ids::{CompanyId, PartnerId},
    money::Currency,
};

use super::codes::{house_status_code, key_kind_code};

/// Conversions, commission, approved commission, the partner's part, that approved, and that not paid.
pub(crate) const TOTALS: usize = 6;

/// By how much a batch's conversions move counts and totals.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    /// By company, kind and house status.
    pub(crate) statuses: BTreeMap<(CompanyId, u8, u8), i64>,
    pub(crate) totals: BTreeMap<(PartnerId, CompanyId, Currency), [i64; TOTALS]>,
}

/// As much of a conversion as is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) company: CompanyId,
    pub(crate) kind: u8,
    pub(crate) house_status: u8,
    /// Who is credited.
    pub(crate) partner: Option<PartnerId>,
    pub(crate) currency: Currency,
    pub(crate) attributed: bool,
    pub(crate) review: ReviewState,
    pub(crate) settlement: Settlement,
    pub(crate) commission_minor: i64,
    pub(crate) partner_minor: i64,
}

impl From<&Conversion> for Counted {
    fn from(c: &Conversion) -> Counted {
        Counted {
            company: c.company,
            kind: key_kind_code(c.kind),
            house_status: house_status_code(c),
            partner: c.partner,
            currency: c.currency,
            attributed: c.standing == Standing::Attributed,
            review: c.review,
            settlement: c.settlement,
            commission_minor: c.commission_minor,
            partner_minor: c.partner_minor,
        }
    }
}

impl Sums {
    /// With these as well.
    pub(crate) fn take_in(&mut self, others: Sums) {
        for (of, n) in others.statuses {
            *self.statuses.entry(of).or_default() += n;
        }
        for (of, amounts) in others.totals {
            let totals = self.totals.entry(of).or_default();
            for (total, amount) in totals.iter_mut().zip(amounts) {
                *total = total.saturating_add(amount);
            }
        }
    }

    /// `sign` is 1 for a conversion as it is now and -1 for what it was before.
    pub(crate) fn add(&mut self, c: Counted, sign: i64) {
        *self.statuses.entry((c.company, c.kind, c.house_status)).or_default() += sign;
        let counts = c.attributed && c.review != ReviewState::Rejected;
        let Some(partner) = c.partner.filter(|_| counts) else {
            return;
        };
        let approved = sign * i64::from(c.review.is_approved());
        let unpaid = approved * i64::from(c.settlement == Settlement::Unpaid);
        let amounts = [
            sign,
            sign * c.commission_minor,
            approved * c.commission_minor,
            sign * c.partner_minor,
            approved * c.partner_minor,
            unpaid * c.partner_minor,
        ];
        let totals = self.totals.entry((partner, c.company, c.currency)).or_default();
        for (total, amount) in totals.iter_mut().zip(amounts) {
            *total = total.saturating_add(amount);
        }
    }
}
