mod customers;
mod known;
mod waiting;

use super::{
    ask::{Ask, Told},
    columns::{Wide, get_wide},
    conversion_row,
    session::Session,
};
use crate::{
    StoreError,
    ledger::{LedgerFetched, LedgerNeeds},
};
use schemas::ids::ConversionId;

/// What is asked for, and who takes the answer in.
type Asked<'n> = (Ask, TakeIn<'n>);
type TakeIn<'n> = Box<dyn FnOnce(Told, &mut LedgerFetched) -> Result<(), StoreError> + Send + 'n>;

/// Everything in one round trip, and a second one for the rows of what is due.
pub(super) async fn fetch(session: Session, needs: &LedgerNeeds) -> Result<LedgerFetched, StoreError> {
    let mut fetched = LedgerFetched::default();
    let mut asked: Vec<Asked<'_>> = Vec::new();
    // A row's version is read before what else hangs on it: what comes in between is then a change, and never missed.
    asked.extend(known::keys(needs));
    asked.extend(known::idents(needs));
    asked.extend(known::budgets(needs));
    asked.extend(conversions(needs.conversions.iter().copied()));
    asked.extend(waiting::parked(needs.parked.iter().copied()));
    asked.extend(waiting::parked_by_ident(needs));
    asked.extend(waiting::awaiting(needs));
    asked.extend(customers::clicks(needs));
    asked.extend(customers::link_sales(needs));
    asked.extend(customers::recent_values(needs));
    asked.extend(needs.due.into_iter().flat_map(waiting::due));
    run(&session, asked, &mut fetched).await?;
    fetched.due.sort_unstable();
    let due = || fetched.due.iter().copied();
    let rows: Vec<Asked<'_>> = conversions(due()).into_iter().chain(waiting::parked(due())).collect();
    run(&session, rows, &mut fetched).await?;
    session.give_back();
    Ok(fetched)
}

async fn run(session: &Session, asked: Vec<Asked<'_>>, fetched: &mut LedgerFetched) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    let (asks, takers): (Vec<Ask>, Vec<TakeIn<'_>>) = asked.into_iter().unzip();
    for (told, take_in) in session.read_on(&asks).await?.into_iter().zip(takers) {
        take_in(told, fetched)?;
    }
    Ok(())
}

fn conversions<'n>(ids: impl Iterator<Item = ConversionId>) -> Option<Asked<'n>> {
    let ids: Vec<Wide> = ids.map(|id| Wide(id.0)).collect();
    if ids.is_empty() {
        return None;
    }
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        for row in told.rows() {
            let conversion = conversion_row::read(&row)?;
            fetched.conversions.insert(conversion.id, conversion);
        }
        Ok(())
    };
    Some((conversion_row::find(ids), Box::new(take_in)))
}

fn ids(told: Told) -> impl Iterator<Item = Result<ConversionId, StoreError>> {
    told.rows().into_iter().map(|row| get_wide(&row, 0).map(ConversionId))
}
