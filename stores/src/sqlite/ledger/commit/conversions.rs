use rusqlite::Transaction;
use schemas::conversion::Conversion;

use crate::{
    StoreError,
    ledger::sums::{Counted, Sums},
    sqlite::{ledger::conversion_row, row::int},
};

/// Puts conversions as they are now, and moves what is counted and added up of them by the difference.
pub(super) fn put(transaction: &Transaction<'_>, conversions: &[Conversion]) -> Result<(), StoreError> {
    let mut sums = Sums::default();
    for conversion in conversions {
        match conversion_row::find(transaction, conversion.id)? {
            None => conversion_row::insert(transaction, conversion)?,
            Some(before) => {
                sums.add(Counted::from(&before), -1);
                conversion_row::update(transaction, conversion)?;
            }
        }
        sums.add(Counted::from(conversion), 1);
    }
    write(sums, transaction)
}

fn write(sums: Sums, transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut add = transaction.prepare_cached(
        "INSERT INTO status_counts (company, kind, house_status, n) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + excluded.n",
    )?;
    for ((company, kind, status), n) in sums.statuses {
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
    for ((partner, company, currency), [n, commission, approved, part, part_approved, part_unpaid]) in sums.totals {
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
