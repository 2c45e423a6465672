use axum::extract::State;
use schemas::ids::CompanyId;
use serde::Serialize;
use stores::catalog::OpenProgram;
use utoipa::ToSchema;

use crate::{
    Api,
    companies::rate_of,
    error::{ApiError, ErrorBody},
    number::RateNumber,
    paging::Paging,
    reply::{Listed, listed},
};

/// A program that affiliates may join.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramView {
    #[schema(value_type = String, example = "cmp_0000000000001")]
    company_id: CompanyId,
    #[schema(example = "Acme Store")]
    name: String,
    #[schema(example = "https://acme.com")]
    domain: String,
    /// Part of a sale that is paid as commission.
    #[schema(value_type = f64, example = 0.10)]
    commission_rate: RateNumber,
}

impl From<OpenProgram> for ProgramView {
    fn from(program: OpenProgram) -> ProgramView {
        ProgramView {
            company_id: program.company,
            name: program.name,
            domain: program.domain,
            commission_rate: RateNumber(rate_of(&program.terms)),
        }
    }
}

/// Open programs, oldest first
///
/// For anyone. A paused program is not open.
#[utoipa::path(get, path = "/programs", tag = "programs", params(Paging), responses(
    (status = 200, body = Listed<ProgramView>),
    (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
))]
pub(crate) async fn programs(State(api): State<Api>, paging: Paging) -> Result<Listed<ProgramView>, ApiError> {
    let found = api.catalog.open_programs(paging.page()).await?;
    Ok(listed(found.rows.into_iter().map(ProgramView::from).collect(), paging.meta(found.total)))
}
