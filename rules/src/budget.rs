//! A program's budget: what its commissions may come to, in each currency.

use schemas::{
    conversion::{Conversion, ReviewState, Standing},
    ids::ProgramId,
    money::Currency,
    terms::Terms,
};

use crate::{Effect, Known};

/// What a commission may take now; None where nothing bounds it.
pub(crate) fn left(known: &Known, terms: &Terms, currency: Currency) -> Option<i64> {
    let budget_minor = terms.caps.budget_minor?;
    let spent_minor = known.budgets.get(&(terms.program, currency)).copied().unwrap_or(0);
    Some(budget_minor.saturating_sub(spent_minor).max(0))
}

/// What a change takes of the budget or gives back; nothing where the terms that decided it have none.
pub(crate) fn spend(terms: Option<&Terms>, before: Option<&Conversion>, after: &Conversion) -> Option<Effect> {
    let program: ProgramId = terms.filter(|terms| terms.caps.budget_minor.is_some())?.program;
    let amount_minor = counted(after) - before.map_or(0, counted);
    let currency = after.currency;
    (amount_minor != 0).then_some(Effect::Spend { program, currency, amount_minor })
}

fn counted(conversion: &Conversion) -> i64 {
    let counts = conversion.standing == Standing::Attributed && conversion.review != ReviewState::Rejected;
    if counts { conversion.commission_minor } else { 0 }
}
