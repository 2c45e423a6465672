use axum::extract::State;
use schemas::{
    code::Code,
    ids::{CompanyId, PartnerId},
};
use serde::Serialize;
use stores::catalog::LinkPartner;
use utoipa::ToSchema;

use super::settings::own;
use crate::{
    Api,
    auth::caller::CompanyCaller,
    body::{Fields, FromFields, Input},
    domain::Domain,
    email::Email,
    error::{ApiError, ErrorBody},
    links::{LinkWanted, asked_code, make, url},
    reply::{Created, Envelope},
    secret::random,
};

/// A link for an affiliate, whose account is made if there is none.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct MakeLink {
    #[schema(value_type = String, format = Email, example = "jane@example.com")]
    affiliate_email: Email,
    /// What the company calls it: 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// 3 to 64 of `A-Za-z0-9_-`, unique in any case. Default: a random one.
    #[schema(value_type = Option<String>, example = "jane10")]
    code: Option<Code>,
    /// An http(s) URL under the company's domain. Default: the domain itself.
    #[schema(example = "https://acme.com/pricing")]
    destination: Option<String>,
}

impl FromFields for MakeLink {
    fn from_fields(fields: &Fields<'_>) -> Result<MakeLink, ApiError> {
        Ok(MakeLink {
            affiliate_email: fields.email("affiliateEmail")?,
            name: fields.text_or_none("name", 1..=255)?,
            code: asked_code(fields)?,
            destination: fields.text_or_none("destination", 1..=2_048)?,
        })
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MadeLink {
    #[schema(value_type = String, example = "jane10")]
    code: Code,
    /// To be given to the affiliate.
    #[schema(example = "http://127.0.0.1:8080/r/jane10")]
    url: String,
    #[schema(value_type = String, example = "aff_0000000000001")]
    affiliate_id: PartnerId,
    #[schema(example = "https://acme.com/")]
    destination: String,
}

/// Makes a link for an affiliate
#[utoipa::path(post, path = "/companies/links", tag = "companies", security(("token" = []), ("key" = [])),
    request_body = MakeLink,
    responses(
        (status = 201, body = Envelope<MadeLink>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
        (status = 409, description = "`DUPLICATE`: the code is taken", body = ErrorBody),
    ))]
pub(crate) async fn make_link(
    State(api): State<Api>,
    caller: CompanyCaller,
    Input(asked): Input<MakeLink>,
) -> Result<Created<MadeLink>, ApiError> {
    let destination = destination(&api, caller.company, asked.destination.as_deref()).await?;
    let wanted = LinkWanted {
        company: caller.company,
        partner: addressed(&api, &asked.affiliate_email)?,
        destination: destination.clone(),
        name: asked.name,
        joins: false,
    };
    let (code, affiliate_id) = make(&api, asked.code, wanted).await?;
    Ok(Created(MadeLink { url: url(&api, &code), code, affiliate_id, destination }))
}

/// Where the link leads: what was asked for, if it lies under the company's domain.
async fn destination(api: &Api, company: CompanyId, asked: Option<&str>) -> Result<String, ApiError> {
    let registered = own(api, company).await?.domain;
    let domain = Domain::parse(&registered).ok_or(ApiError::NotFound("domain of the company"))?;
    let Some(asked) = asked else { return Ok(domain.home()) };
    let takes = || {
        let host = domain.host();
        ApiError::invalid("destination", format!("takes an http(s) URL under {host} that names nobody"))
    };
    domain.under(asked).map(String::from).ok_or_else(takes)
}

fn addressed(api: &Api, email: &Email) -> Result<LinkPartner, ApiError> {
    Ok(LinkPartner::Addressed {
        email: email.as_str().to_owned(),
        email_hash: api.catalog.secrets().person_key.email(email.as_str()),
        id_if_new: PartnerId(u64::from_be_bytes(random()?)),
    })
}
