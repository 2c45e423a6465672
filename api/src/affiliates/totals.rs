use schemas::{ids::PartnerId, money::Currency};

use crate::{Api, error::ApiError};

/// What is approved and not paid of an affiliate's part in one currency, with each company where it is above zero.
pub(super) async fn pending_payout(api: &Api, partner: PartnerId, currency: Currency) -> Result<i64, ApiError> {
    let totals = api.ledger.partner_totals(partner).await?;
    let of_currency = totals.iter().filter(|totals| totals.currency == currency);
    Ok(of_currency.map(|totals| totals.partner_unpaid_minor.max(0)).sum())
}
