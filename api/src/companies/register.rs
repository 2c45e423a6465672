use axum::extract::State;
use schemas::{
    catalog::CredentialKind,
    ids::{CompanyId, KeyId, ProgramId},
    money::Rate,
};
use serde::Serialize;
use stores::catalog::{NewCompany, NewCredential, Payout, PayoutSchedule, RegisterError};
use utoipa::ToSchema;

use super::terms::{RATE_DEFAULT, RATE_FROM, RATE_TO, WINDOW_DAYS_DEFAULT};
use crate::{
    Api,
    body::{Fields, FromFields, Input},
    domain::Domain,
    email::Email,
    error::{ApiError, ErrorBody},
    reply::Created,
    reply::Envelope,
    secret::{Secret, random},
};

const PAYOUT_MINIMUM_DEFAULT_MINOR: i64 = 5_000;

/// A company to be registered.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Register {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255, example = "Acme Store")]
    name: String,
    /// A host or an http(s) URL, without a user part.
    #[schema(value_type = String, example = "https://acme.com")]
    domain: Domain,
    /// The owner's. It owns one company.
    #[schema(value_type = String, format = Email, example = "you@acme.com")]
    email: Email,
    /// Part of a sale that is paid as commission: 0.01 to 1.0 with at most six decimals. Default: 0.10.
    #[schema(value_type = Option<f64>, minimum = 0.01, maximum = 1.0, example = 0.10)]
    commission_rate: Option<Rate>,
}

impl FromFields for Register {
    fn from_fields(fields: &Fields<'_>) -> Result<Register, ApiError> {
        let domain = fields.text("domain", 1..=2_048)?;
        let takes =
            || ApiError::invalid("domain", "takes a host such as acme.com or an http(s) URL without a user part");
        Ok(Register {
            name: fields.text("name", 1..=255)?,
            domain: Domain::parse(&domain).ok_or_else(takes)?,
            email: fields.email("email")?,
            commission_rate: fields.rate_or_none("commissionRate", RATE_FROM..=RATE_TO)?,
        })
    }
}

/// A company and its keys. The secret key is shown here and never again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registered {
    #[schema(value_type = String, example = "cmp_0000000000001")]
    id: CompanyId,
    /// For `x-api-key`. Keep it secret.
    #[schema(example = "sk_live_...")]
    api_key: String,
    /// For web pages: names the company and can do nothing.
    #[schema(example = "pk_live_...")]
    publishable_key: String,
    #[schema(example = "<script src=\"http://127.0.0.1:8080/v1.js\" data-key=\"pk_live_...\" async></script>")]
    embed_snippet: String,
}

/// Registers a company
///
/// Makes its program with a window of 30 days, its keys and the snippet for its pages.
#[utoipa::path(post, path = "/companies/register", tag = "companies", request_body = Register, responses(
    (status = 201, body = Envelope<Registered>),
    (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
    (status = 409, description = "`DUPLICATE`: the e-mail address owns a company", body = ErrorBody),
))]
pub(crate) async fn register(
    State(api): State<Api>,
    Input(asked): Input<Register>,
) -> Result<Created<Registered>, ApiError> {
    let id = CompanyId(u64::from_be_bytes(random()?));
    let (secret, publishable) = (Secret::key(CredentialKind::Secret)?, Secret::key(CredentialKind::Publishable)?);
    let keys =
        vec![credential(CredentialKind::Secret, &secret)?, credential(CredentialKind::Publishable, &publishable)?];
    let company = company(&api, id, asked, keys)?;
    let change = api.catalog.register_company(company).await.map_err(|error| match error {
        RegisterError::Taken => ApiError::Duplicate("a company is registered under this e-mail address"),
        RegisterError::Store(error) => error.into(),
    })?;
    api.settled(change).await;
    let embed_snippet =
        format!(r#"<script src="{}/v1.js" data-key="{}" async></script>"#, api.public_url, publishable.text);
    Ok(Created(Registered { id, api_key: secret.text, publishable_key: publishable.text, embed_snippet }))
}

pub(super) fn credential(kind: CredentialKind, secret: &Secret) -> Result<NewCredential, ApiError> {
    Ok(NewCredential::of(KeyId(u64::from_be_bytes(random()?)), kind, &secret.text))
}

fn company(api: &Api, id: CompanyId, asked: Register, keys: Vec<NewCredential>) -> Result<NewCompany, ApiError> {
    let now = (api.now)();
    let program = ProgramId(u64::from_be_bytes(random()?));
    let rate = asked.commission_rate.unwrap_or(RATE_DEFAULT);
    Ok(NewCompany {
        id,
        program,
        name: asked.name,
        domain: asked.domain.as_str().to_owned(),
        email_hash: api.catalog.secrets().person_key.email(asked.email.as_str()),
        email: asked.email.as_str().to_owned(),
        terms: rules::presets::refuel(program, rate, WINDOW_DAYS_DEFAULT, now),
        payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: PAYOUT_MINIMUM_DEFAULT_MINOR },
        keys,
        now,
    })
}
