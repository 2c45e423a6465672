use axum::extract::State;
use schemas::{ids::CompanyId, money::Rate, time::TimeMs};
use stores::catalog::{Company, CompanyError, PayoutSchedule, SettingsPatch};
use utoipa::ToSchema;

use super::{
    settings::{Settings, own},
    terms::{RATE_FROM, RATE_TO, WINDOW_DAYS_MAX, changed},
};
use crate::{
    Api,
    auth::caller::CompanyCaller,
    body::{Fields, FromFields, Input},
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
};

const WIDGET_CONFIG_BYTES: usize = 8 << 10;

/// How often a change of terms is made anew when another one came first.
const TRIES: usize = 5;

/// What is there is set; what is not stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Update {
    /// 0.01 to 1.0 with at most six decimals. Sales from now on earn it; earlier ones keep theirs.
    #[schema(value_type = Option<f64>, minimum = 0.01, maximum = 1.0, example = 0.15)]
    commission_rate: Option<Rate>,
    /// Days within which a click counts.
    #[schema(minimum = 1, maximum = 90, example = 30)]
    attribution_window: Option<u32>,
    #[schema(value_type = Option<Schedule>)]
    payout_schedule: Option<PayoutSchedule>,
    /// Minor units.
    #[schema(minimum = 1000, maximum = 50000, example = 5000)]
    payout_minimum: Option<i64>,
    /// Any object of at most 8 KiB, in place of the one that was set.
    #[schema(value_type = Option<Object>, example = json!({"position": "bottom-right", "accentColor": "#F0A500"}))]
    widget_config: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "names the schedules for the documentation")]
pub(crate) enum Schedule {
    Weekly,
    Biweekly,
    Monthly,
}

impl FromFields for Update {
    fn from_fields(fields: &Fields<'_>) -> Result<Update, ApiError> {
        let schedules = PayoutSchedule::ALL.map(|schedule| (schedule.as_str(), schedule));
        let window = fields.integer_or_none("attributionWindow", 1..=WINDOW_DAYS_MAX)?;
        Ok(Update {
            commission_rate: fields.rate_or_none("commissionRate", RATE_FROM..=RATE_TO)?,
            attribution_window: window.and_then(|days| u32::try_from(days).ok()),
            payout_schedule: fields.word_or_none("payoutSchedule", &schedules)?,
            payout_minimum: fields.integer_or_none("payoutMinimum", 1_000..=50_000)?,
            widget_config: fields.object_or_none("widgetConfig", WIDGET_CONFIG_BYTES)?,
        })
    }
}

impl Update {
    fn patch(&self, current: &Company, now: TimeMs) -> SettingsPatch {
        SettingsPatch {
            payout_schedule: self.payout_schedule,
            payout_minimum_minor: self.payout_minimum,
            widget_config: self.widget_config.clone(),
            terms: changed(&current.terms, self.commission_rate, self.attribution_window, now),
        }
    }
}

/// Changes the company's settings
///
/// All of the request or, where something in it is refused, nothing. A new rate or window is a new version of the terms, in
/// force from now on.
#[utoipa::path(put, path = "/companies/settings", tag = "companies", security(("token" = []), ("key" = [])),
    request_body = Update,
    responses(
        (status = 200, body = Envelope<Settings>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
    ))]
pub(crate) async fn update(
    State(api): State<Api>,
    caller: CompanyCaller,
    Input(asked): Input<Update>,
) -> Reply<Settings> {
    apply(&api, caller.company, &asked).await.map(|company| data(company.into()))
}

async fn apply(api: &Api, id: CompanyId, asked: &Update) -> Result<Company, ApiError> {
    for _ in 0..TRIES {
        let current = own(api, id).await?;
        match api.catalog.update_settings(id, asked.patch(&current, (api.now)())).await {
            Ok(company) => return Ok(company),
            Err(CompanyError::TermsMoved) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Err(ApiError::Unavailable("others are changing the terms: try again"))
}

pub(super) fn refused(error: CompanyError) -> ApiError {
    match error {
        CompanyError::Unknown => ApiError::NotFound("company"),
        CompanyError::TermsMoved => ApiError::Unavailable("others are changing the terms: try again"),
        CompanyError::Store(error) => error.into(),
    }
}
