use std::collections::BTreeMap;

use rusqlite::Transaction;
use schemas::{
    conversion::{Conversion, ReviewState, Settlement, Standing},
    ids::{CompanyId, PartnerId},
    money::Currency,
};

use crate::{
    StoreError,
    sqlite::{
        ledger::{columns::key_kind_code, conversion_row},
        row::int,
    },
};

/// Puts conversions as they are now, and moves what is counted and added up of them by the difference.
pub(super) fn put(transaction: &Transaction<'_>, conversions: &[Conversion]) -> Result<(), StoreError> {
    let mut sums = Sums::default();
    for conversion in conversions {
        match conversion_row::find(transaction, conversion.id)? {
            None => conversion_row::insert(transaction, conversion)?,
            Some(before) => {
                sums.add(&before, -1);
                conversion_row::update(transaction, conversion)?;
            }
        }
        sums.add(conversion, 1);
    }
    sums.write(transaction)
}

#[derive(Default)]
struct Sums {
    statuses: BTreeMap<(CompanyId, u8, u8), i64>,
    totals: BTreeMap<(PartnerId, CompanyId, Currency), [i64; TOTALS]>,
}

/// Conversions, commission, approved commission, the partner's part, that approved, and that not paid.
const TOTALS: usize = 6;

impl Sums {
    fn add(&mut self, conversion: &Conversion, sign: i64) {
        let c = conversion;
        let status = (c.company, key_kind_code(c.kind), conversion_row::house_status_code(c));
        *self.statuses.entry(status).or_default() += sign;
        let counts = c.standing == Standing::Attributed && c.review != ReviewState::Rejected;
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

    fn write(self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let mut add = transaction.prepare_cached(
            "INSERT INTO status_counts (company, kind, house_status, n) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for ((company, kind, status), n) in self.statuses {
            add.execute((int(company.0), kind, status, n))?;
        }
        let mut add = transaction.prepare_cached(
            "INSERT INTO partner_totals (partner, company, currency, conversions, commission_minor, approved_commission_minor, partner_minor,
                                         partner_approved_minor, partner_unpaid_minor)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET conversions = conversions + excluded.conversions,
                 commission_minor = commission_minor + excluded.commission_minor,
                 approved_commission_minor = approved_commission_minor + excluded.approved_commission_minor,
                 partner_minor = partner_minor + excluded.partner_minor,
                 partner_approved_minor = partner_approved_minor + excluded.partner_approved_minor,
                 partner_unpaid_minor = partner_unpaid_minor + excluded.partner_unpaid_minor",
        )?;
        for ((partner, company, currency), [n, commission, approved, part, part_approved, part_unpaid]) in self.totals {
            add.execute((
                int(partner.0),
                int(company.0),
                currency.code(),
                n,
                commission,
                approved,
                part,
                part_approved,
                part_unpaid,
            ))?;
        }
        Ok(())
    }
}
