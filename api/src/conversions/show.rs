use axum::extract::State;
use schemas::{
    conversion::{Conversion, Standing},
    explanation::Explanation,
    ids::{CompanyId, ConversionId, PartnerId},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{ConversionView, RefundView, Status};
use crate::{
    Api,
    auth::caller::AnyCaller,
    decided::own_id,
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
    segment::Segment,
};

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Shown {
    Decided(Box<DecidedConversion>),
    Processing(Processing),
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DecidedConversion {
    #[serde(flatten)]
    conversion: ConversionView,
    /// Oldest first.
    refunds: Vec<RefundView>,
    /// Why it was decided as it was: candidates, winner and why, policy, terms version, arithmetic and signals. An affiliate sees
    /// it without weights, thresholds and score.
    #[schema(value_type = super::explanation::ExplanationShape)]
    explanation: Explanation,
}

/// Taken and not decided yet: ask again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Processing {
    #[schema(value_type = String, example = "conv_00000000000000000000000001")]
    id: ConversionId,
    #[schema(example = "processing")]
    status: Status,
}

/// A conversion, its refunds, and why it was decided as it was
///
/// For its company and for the affiliate it is credited to.
#[utoipa::path(get, path = "/conversions/{id}", tag = "conversions", security(("token" = []), ("key" = [])),
    params(("id" = String, Path, description = "`conv_…`")),
    responses(
        (status = 200, body = Envelope<Shown>),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`: none, or somebody else's", body = ErrorBody),
    ))]
pub(crate) async fn show(State(api): State<Api>, caller: AnyCaller, Segment(id): Segment) -> Reply<Shown> {
    match caller {
        AnyCaller::Company(company) => show_to_company(&api, company, &id).await,
        AnyCaller::Affiliate(partner) => show_to_partner(&api, partner, &id).await,
    }
}

async fn show_to_company(api: &Api, company: CompanyId, id: &str) -> Reply<Shown> {
    let id = own_id(api, company, id)?;
    match api.ledger.conversion(id).await?.filter(|found| found.standing != Standing::Parked) {
        Some(found) => {
            let (conversion, explanation) = (ConversionView::for_company(&found), found.explanation.clone());
            decided(api, &found, conversion, explanation).await
        }
        None => Ok(data(Shown::Processing(Processing { id, status: Status::Processing }))),
    }
}

async fn show_to_partner(api: &Api, partner: PartnerId, id: &str) -> Reply<Shown> {
    let none = || ApiError::NotFound("conversion");
    let found = api.ledger.conversion(id.parse().map_err(|_| none())?).await?;
    let own = |found: &Conversion| found.standing == Standing::Attributed && found.partner == Some(partner);
    let found = found.filter(own).ok_or_else(none)?;
    let (conversion, explanation) = (ConversionView::for_partner(&found), found.explanation.for_partner());
    decided(api, &found, conversion, explanation).await
}

async fn decided(api: &Api, found: &Conversion, conversion: ConversionView, explanation: Explanation) -> Reply<Shown> {
    let refunds = api.ledger.refunds(found.id).await?.into_iter().map(RefundView::from).collect();
    Ok(data(Shown::Decided(Box::new(DecidedConversion { conversion, refunds, explanation }))))
}
