use axum::extract::State;
use schemas::ids::CompanyId;
use serde::{Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;
use stores::catalog::Company;
use utoipa::ToSchema;

use super::rate_of;
use crate::{
    Api,
    auth::caller::CompanyCaller,
    error::{ApiError, ErrorBody},
    number::RateNumber,
    reply::{Envelope, Reply, data},
};

/// How a widget is shown where nothing else was set.
const WIDGET_CONFIG_DEFAULT: &str = r#"{"position":"bottom-right"}"#;

/// A company's settings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    #[schema(value_type = String, example = "cmp_0000000000001")]
    id: CompanyId,
    #[schema(example = "Acme Store")]
    name: String,
    #[schema(example = "https://acme.com")]
    domain: String,
    /// The beginning of the secret key and dots: all of it was shown when it was made.
    #[schema(example = "sk_live_abcd...")]
    api_key: String,
    #[schema(example = "pk_live_...")]
    publishable_key: String,
    /// Part of a sale that is paid as commission.
    #[schema(value_type = f64, example = 0.10)]
    commission_rate: RateNumber,
    /// Days within which a click counts.
    #[schema(example = 30)]
    attribution_window: u32,
    #[schema(value_type = super::update::Schedule)]
    payout_schedule: &'static str,
    /// Minor units.
    #[schema(example = 5000)]
    payout_minimum: i64,
    #[schema(value_type = Object, example = json!({"position": "bottom-right"}))]
    widget_config: JsonText,
    /// `active` or `paused`.
    #[schema(example = "active")]
    status: &'static str,
}

/// JSON that is shown as it was set.
pub(super) struct JsonText(String);

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl From<Company> for Settings {
    fn from(company: Company) -> Settings {
        Settings {
            id: company.id,
            name: company.name,
            domain: company.domain,
            api_key: company.secret_key_shown.map(|shown| format!("{shown}...")).unwrap_or_default(),
            publishable_key: company.publishable_key.unwrap_or_default(),
            commission_rate: RateNumber(rate_of(&company.terms)),
            attribution_window: company.terms.policy.window_days,
            payout_schedule: company.payout.schedule.as_str(),
            payout_minimum: company.payout.minimum_minor,
            widget_config: JsonText(company.widget_config.unwrap_or_else(|| WIDGET_CONFIG_DEFAULT.to_owned())),
            status: company.status.as_str(),
        }
    }
}

/// The company's settings
#[utoipa::path(get, path = "/companies/settings", tag = "companies", security(("token" = []), ("key" = [])), responses(
    (status = 200, body = Envelope<Settings>),
    (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
    (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
))]
pub(crate) async fn settings(State(api): State<Api>, caller: CompanyCaller) -> Reply<Settings> {
    own(&api, caller.company).await.map(|company| data(company.into()))
}

/// The company of who asks: it is there, as its credential was.
pub(super) async fn own(api: &Api, id: CompanyId) -> Result<Company, ApiError> {
    api.catalog.company(id).await?.ok_or(ApiError::NotFound("company"))
}
