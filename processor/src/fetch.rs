use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use rules::{
    Known, Needs,
    effect::{Parked, ParkedUntil},
    known::{FactTouches, Ident},
    needs,
    touches::{Touch, Touches},
};
use schemas::{
    event::{Body, Logged, Settle},
    ids::{CompanyId, ConversionId, LinkId},
    time::{DAY_MS, HOUR_MS, TimeMs},
};
use stores::{
    StoreError,
    catalog::{Catalog, DecisionKeys},
    facts::Facts,
    ledger::{Due, Ledger, LedgerFetched, LedgerNeeds, Versions},
};
use tokio::time::timeout;

/// Holds that end and waits that expire at one tick; what is over it is for the next one.
pub(crate) const DUE_MAX: usize = 1_000;

/// How far back a link's sales are looked at.
const SALES_LOOK_BACK_MS: i64 = 7 * DAY_MS + HOUR_MS;

/// The longest attribution window, and how far ahead of the log's clock a caller's may be.
const WINDOW_MS_MAX: i64 = 90 * DAY_MS;

pub(crate) struct Sources<'a> {
    pub(crate) partitions: u32,
    pub(crate) catalog: &'a Catalog,
    pub(crate) ledger: &'a Ledger,
    pub(crate) facts: &'a Facts,
    /// How long their answer is waited for.
    pub(crate) facts_wait: Duration,
    pub(crate) touches: &'a Touches,
}

/// What a batch is decided on.
pub(crate) struct Fetched {
    pub(crate) known: Known,
    pub(crate) versions: Versions,
    /// Facts did not answer: settles that need them decide nothing, and are to be appended again.
    pub(crate) lacks_facts: bool,
}

/// Fetches all that deciding these events may look at.
pub(crate) async fn fetch(sources: &Sources<'_>, partition: u32, events: &[Logged]) -> Result<Fetched, StoreError> {
    let mut needs = needs(events);
    let mut known = Known { partitions: sources.partitions, ..Known::default() };
    let named = named(sources, partition, &mut needs).await?;
    catalog_rows(sources.catalog, &mut needs, &mut known).await?;
    let asked = fact_clicks(sources, partition, &mut needs, &named, events).await;
    known.fact_clicks = asked.clicks;
    if needs.sells() {
        needs.add_touches(sources.touches);
        needs.add_clicks(events);
    }
    let rest = rest(sources, &needs, &named.parked, events).await?;
    known.keys = named.keys;
    known.click_customers = rest.click_customers;
    known.link_sales = rest.link_sales;
    known.recent_values = rest.recent_values;
    known.awaiting = rest.awaiting;
    known.budgets = rest.budgets;
    known.conversions = named.conversions;
    known.parked = named.parked;
    known.idents = named.idents;
    known.due = named.due;
    let versions = Versions { budgets: rest.versions.budgets, ..named.versions };
    Ok(Fetched { known, versions, lacks_facts: asked.has_failed })
}

/// What the events name of the ledger, which in turn names more.
async fn named(sources: &Sources<'_>, partition: u32, needs: &mut Needs) -> Result<LedgerFetched, StoreError> {
    // Keys with the conversions that they name, of one state.
    let wanted = LedgerNeeds {
        keys: needs.keys.clone(),
        conversions: needs.conversions.clone(),
        parked: needs.parked.clone(),
        parked_by_ident: needs.idents.clone(),
        idents: needs.idents.clone(),
        due: needs.tick.map(|at| Due { partition, at, limit: DUE_MAX }),
        ..LedgerNeeds::default()
    };
    if wanted == LedgerNeeds::default() {
        return Ok(LedgerFetched::default());
    }
    let mut found = sources.ledger.fetch(wanted).await?;
    let woken: Vec<ConversionId> = needs.parked.iter().chain(&found.due).copied().collect();
    for parked in woken.iter().filter_map(|id| found.parked.get(id)) {
        needs.add_parked(parked);
    }
    complete(sources.ledger, needs, &mut found).await?;
    for conversion in found.conversions.values() {
        needs.add_conversion(conversion);
    }
    for record in found.idents.values() {
        needs.add_ident(record);
    }
    Ok(found)
}

/// Fetches what parked events name beyond the batch's own.
async fn complete(ledger: &Ledger, needs: &Needs, found: &mut LedgerFetched) -> Result<(), StoreError> {
    let unknown: BTreeSet<(CompanyId, Ident)> =
        needs.idents.iter().filter(|ident| !found.versions.idents.contains_key(ident)).copied().collect();
    let missing = LedgerNeeds {
        conversions: needs.conversions.iter().filter(|id| !found.conversions.contains_key(id)).copied().collect(),
        keys: needs.keys.iter().filter(|key| !found.versions.keys.contains_key(key)).copied().collect(),
        parked_by_ident: unknown.clone(),
        idents: unknown,
        ..LedgerNeeds::default()
    };
    if found.parked.is_empty() || missing == LedgerNeeds::default() {
        return Ok(());
    }
    let more = ledger.fetch(missing).await?;
    found.keys.extend(more.keys);
    found.conversions.extend(more.conversions);
    found.parked.extend(more.parked);
    found.idents.extend(more.idents);
    found.versions.keys.extend(more.versions.keys);
    found.versions.idents.extend(more.versions.idents);
    Ok(())
}

async fn catalog_rows(catalog: &Catalog, needs: &mut Needs, known: &mut Known) -> Result<(), StoreError> {
    if needs.links.is_empty() && needs.programs.is_empty() && needs.brought_by.is_empty() {
        return Ok(());
    }
    let rows = catalog
        .decision_rows(DecisionKeys {
            links: needs.links.iter().copied().collect(),
            programs: needs.programs.iter().copied().collect(),
            partners: needs.partners.iter().copied().collect(),
            keys: needs.brought_by.iter().copied().collect(),
        })
        .await?;
    for link in &rows.links {
        needs.add_link(link);
    }
    known.links = rows.links.into_iter().map(|link| (link.id, link)).collect();
    known.terms = rows.terms;
    needs.add_terms(known.terms.values().flatten());
    known.partners = rows.partners.into_iter().map(|partner| (partner.id, partner.email)).collect();
    known.revoked = rows.revoked;
    known.receipt_keys = catalog.receipt_keys().await?.all();
    Ok(())
}

#[derive(Default)]
struct FromFacts {
    clicks: HashMap<ConversionId, FactTouches>,
    has_failed: bool,
}

/// For each settle the clicks of its conversion's links that facts hold before the settle's bound. Those of a settle that
/// another owner appended, before facts were taken out or the ledger was restored, may not be there any more, or not yet.
async fn fact_clicks(
    sources: &Sources<'_>,
    partition: u32,
    needs: &mut Needs,
    named: &LedgerFetched,
    events: &[Logged],
) -> FromFacts {
    let (facts, wait) = (sources.facts, sources.facts_wait);
    let held_up_to = facts.held().borrow().up_to(partition);
    // Several settles of one conversion look at what the furthest of them may; each leaves out what lies beyond its own bound.
    let mut bounds: HashMap<ConversionId, u64> = HashMap::new();
    for Settle { conversion, facts_up_to, .. } in needs.settles.iter().filter(|settle| settle.facts_up_to <= held_up_to)
    {
        let bound = bounds.entry(*conversion).or_default();
        *bound = (*bound).max(*facts_up_to);
    }
    let mut asked = FromFacts::default();
    for (conversion, up_to) in bounds {
        // What it settles was parked before, or is in this very batch.
        let logged = match named.parked.get(&conversion) {
            // A lead is what it waits for.
            Some(Parked { until: ParkedUntil::Lead { .. }, .. }) => None,
            Some(parked) => Some(&parked.logged),
            None => events.iter().find(|logged| claims(logged, conversion)),
        };
        let Some(logged) = logged else { continue };
        let why = match timeout(wait, touches_of(facts, needs, conversion, logged, up_to)).await {
            Ok(Ok(clicks)) => {
                needs.add_fact_clicks(&clicks);
                asked.clicks.insert(conversion, FactTouches { up_to, clicks });
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {wait:?}"),
        };
        // The others of the batch are decided all the same, and none of them waits for facts once more.
        tracing::warn!(partition, why, "facts do not answer: what waits for them waits on");
        asked.has_failed = true;
        break;
    }
    asked
}

async fn touches_of(
    facts: &Facts,
    needs: &Needs,
    conversion: ConversionId,
    logged: &Logged,
    up_to: u64,
) -> Result<Vec<Touch>, StoreError> {
    let (from, until) = (time_of_sale(logged).plus_ms(-WINDOW_MS_MAX), clicks_until(logged));
    let mut found = Vec::new();
    for link in needs.code_links.get(&conversion).into_iter().flatten() {
        found.extend(facts.touches_of(*link, from, until.plus_ms(1), up_to).await?);
    }
    Ok(found)
}

fn claims(logged: &Logged, conversion: ConversionId) -> bool {
    match &logged.event.body {
        Body::Lead(claim) => claim.conversion == conversion,
        Body::Sale(sale) => sale.claim.conversion == conversion,
        _ => false,
    }
}

/// What is looked up last, because links and clicks had to be known first.
async fn rest(
    sources: &Sources<'_>,
    needs: &Needs,
    parked: &HashMap<ConversionId, Parked>,
    events: &[Logged],
) -> Result<LedgerFetched, StoreError> {
    let woken = parked.values().map(|parked| parked.at);
    let earliest = events.iter().map(time_of_sale).chain(woken).min().unwrap_or_default();
    let awaited = |link: &LinkId| sources.touches.links.get(link).and_then(|touched| touched.awaiting_until);
    let wanted = LedgerNeeds {
        click_customers: needs.click_names.clone(),
        link_sales: needs.sold_links.iter().map(|link| (*link, earliest.plus_ms(-SALES_LOOK_BACK_MS))).collect(),
        recent_values: needs.values.clone(),
        budgets: needs.budgets.clone(),
        awaiting: needs
            .late
            .iter()
            .filter(|(link, at)| awaited(link).is_some_and(|until| until >= **at))
            .map(|(link, at)| (*link, *at))
            .collect(),
        ..LedgerNeeds::default()
    };
    if wanted == LedgerNeeds::default() {
        return Ok(LedgerFetched::default());
    }
    sources.ledger.fetch(wanted).await
}

fn time_of_sale(logged: &Logged) -> TimeMs {
    occurred_at(logged).unwrap_or(logged.taken_at())
}

/// Up to when a click came before the sale.
fn clicks_until(logged: &Logged) -> TimeMs {
    occurred_at(logged).unwrap_or(logged.appended_at)
}

fn occurred_at(logged: &Logged) -> Option<TimeMs> {
    match &logged.event.body {
        Body::Lead(claim) => claim.occurred_at,
        Body::Sale(sale) => sale.claim.occurred_at,
        _ => None,
    }
}
