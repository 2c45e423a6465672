//! Rows that several partitions write, each with how often it has changed.

use rules::{
    effect::KeyTaken,
    known::{Bound, IdentRecord},
};
use schemas::{
    hashes::{CustomerHash, EmailHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, ProgramId},
    time::TimeMs,
};
use tokio_postgres::Row;

use super::Asked;
use crate::{
    StoreError,
    ledger::{LedgerFetched, LedgerNeeds, codes::ident_from},
    postgres::ledger::{
        ask::{Ask, Told},
        columns::{get_currency, get_id, get_id_or_none, get_wide, get_wide_or_none, unreadable},
        shared,
    },
};

pub(super) fn keys(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    if needs.keys.is_empty() {
        return None;
    }
    let ask = Ask::rows(
        "SELECT key_hash, version, conversion, company, event, body_hash FROM ledger.keys WHERE key_hash = ANY($1)",
        shared::keys(needs.keys.iter().copied()),
    );
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        fetched.versions.keys.extend(needs.keys.iter().map(|key| (*key, 0)));
        for row in told.rows() {
            let key = KeyHash(get_wide(&row, 0)?);
            fetched.versions.keys.insert(key, get_id(&row, 1)?);
            if let Some(conversion) = get_wide_or_none(&row, 2)? {
                fetched.keys.insert(key, read_taken(&row, ConversionId(conversion))?);
            }
        }
        Ok(())
    };
    Some((ask, Box::new(take_in)))
}

fn read_taken(row: &Row, conversion: ConversionId) -> Result<KeyTaken, StoreError> {
    Ok(KeyTaken {
        conversion,
        company: CompanyId(get_id(row, 3)?),
        event: EventId(get_wide(row, 4)?),
        body_hash: get_wide(row, 5)?,
    })
}

pub(super) fn idents(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    if needs.idents.is_empty() {
        return None;
    }
    let ask = Ask::rows(
        "SELECT i.company, i.ident, i.version, i.bound_partner, i.bound_link, i.bound_at_ms, i.customer, i.email
         FROM unnest($1::bigint[], $2::bytea[]) asked (company, ident) JOIN ledger.idents i USING (company, ident)",
        shared::idents(needs.idents.iter().copied()),
    );
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        fetched.versions.idents.extend(needs.idents.iter().map(|ident| (*ident, 0)));
        for row in told.rows() {
            let ident = ident_from(row.try_get(1)?).ok_or_else(|| unreadable(&row, 1, "an identifier"))?;
            let ident = (CompanyId(get_id(&row, 0)?), ident);
            fetched.versions.idents.insert(ident, get_id(&row, 2)?);
            fetched.idents.insert(ident, read_record(&row)?);
        }
        Ok(())
    };
    Some((ask, Box::new(take_in)))
}

fn read_record(row: &Row) -> Result<IdentRecord, StoreError> {
    let bound = match (get_id_or_none(row, 3)?, get_id_or_none(row, 4)?, row.try_get::<_, Option<i64>>(5)?) {
        (Some(partner), Some(link), Some(at)) => {
            Some(Bound { partner: PartnerId(partner), link: LinkId(link), at: TimeMs(at) })
        }
        _ => None,
    };
    let (customer, email) = (get_wide_or_none(row, 6)?, get_wide_or_none(row, 7)?);
    Ok(IdentRecord { bound, customer: customer.map(CustomerHash), email: email.map(EmailHash) })
}

pub(super) fn budgets(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    if needs.budgets.is_empty() {
        return None;
    }
    let ask = Ask::rows(
        "SELECT b.program, b.currency, b.version, b.spent_minor
         FROM unnest($1::bigint[], $2::text[]) asked (program, currency) JOIN ledger.budgets b USING (program, currency)",
        shared::budgets(needs.budgets.iter().copied()),
    );
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        fetched.versions.budgets.extend(needs.budgets.iter().map(|budget| (*budget, 0)));
        for row in told.rows() {
            let budget = (ProgramId(get_id(&row, 0)?), get_currency(&row, 1)?);
            fetched.versions.budgets.insert(budget, get_id(&row, 2)?);
            fetched.budgets.insert(budget, row.try_get(3)?);
        }
        Ok(())
    };
    Some((ask, Box::new(take_in)))
}
