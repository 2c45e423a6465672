use axum::extract::State;
use schemas::{code::Code, ids::CompanyId};
use serde::Serialize;
use stores::catalog::{CompanyStatus, LinkPartner};
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::Affiliate,
    body::{Fields, FromFields, Input},
    domain::Domain,
    error::{ApiError, ErrorBody},
    links::{LinkWanted, asked_code, make, url},
    reply::{Created, Envelope},
};

/// Joins a company's program.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Join {
    /// From `GET /programs`.
    #[schema(example = "cmp_0000000000001")]
    company_id: String,
    /// 3 to 64 of `A-Za-z0-9_-`, unique in any case. Default: a random one.
    #[schema(value_type = Option<String>, example = "jane10")]
    code: Option<Code>,
}

impl FromFields for Join {
    fn from_fields(fields: &Fields<'_>) -> Result<Join, ApiError> {
        Ok(Join { company_id: fields.text("companyId", 1..=64)?, code: asked_code(fields)? })
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Joined {
    #[schema(value_type = String, example = "cmp_0000000000001")]
    company_id: CompanyId,
    #[schema(value_type = String, example = "jane10")]
    code: Code,
    /// To share.
    #[schema(example = "http://127.0.0.1:8080/r/jane10")]
    url: String,
}

/// Joins an open program
///
/// Makes the affiliate's link there, which leads to the company's domain.
#[utoipa::path(post, path = "/affiliates/programs", tag = "affiliates", security(("token" = [])), request_body = Join,
    responses(
        (status = 201, body = Envelope<Joined>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: a company's token", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`: no open program", body = ErrorBody),
        (status = 409, description = "`DUPLICATE`: joined already, or the code is taken", body = ErrorBody),
    ))]
pub(crate) async fn join(
    State(api): State<Api>,
    Affiliate(partner): Affiliate,
    Input(asked): Input<Join>,
) -> Result<Created<Joined>, ApiError> {
    let none = || ApiError::NotFound("open program");
    let company = api.catalog.company(asked.company_id.parse().map_err(|_| none())?).await?;
    let company = company.filter(|company| company.status == CompanyStatus::Active).ok_or_else(none)?;
    let wanted = LinkWanted {
        company: company.id,
        partner: LinkPartner::Known(partner),
        destination: Domain::parse(&company.domain).ok_or_else(none)?.home(),
        name: None,
        joins: true,
    };
    let (code, _) = make(&api, asked.code, wanted).await?;
    Ok(Created(Joined { company_id: company.id, url: url(&api, &code), code }))
}
