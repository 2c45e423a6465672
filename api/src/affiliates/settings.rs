use axum::extract::State;
use schemas::ids::PartnerId;
use serde::Serialize;
use stores::catalog::Partner;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::Affiliate,
    body::{Fields, FromFields, Input},
    error::{ApiError, ErrorBody},
    reply::{Envelope, Reply, data},
};

/// An affiliate's profile.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    #[schema(value_type = String, example = "aff_0000000000001")]
    id: PartnerId,
    #[schema(required = true, example = "Jane Doe")]
    name: Option<String>,
    #[schema(example = "jane@example.com")]
    email: String,
    #[schema(example = "standard")]
    tier: String,
    /// The Stripe account that payouts go to; null until one is connected.
    #[schema(required = true, example = "acct_...")]
    stripe_connect_id: Option<String>,
}

impl From<Partner> for Profile {
    fn from(partner: Partner) -> Profile {
        Profile {
            id: partner.id,
            name: partner.name,
            email: partner.email,
            tier: partner.tier,
            stripe_connect_id: partner.stripe_connect_id,
        }
    }
}

/// What is there is set; what is not stays.
#[derive(ToSchema)]
pub(crate) struct UpdateProfile {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255, example = "Jane Doe")]
    name: Option<String>,
}

impl FromFields for UpdateProfile {
    fn from_fields(fields: &Fields<'_>) -> Result<UpdateProfile, ApiError> {
        Ok(UpdateProfile { name: fields.text_or_none("name", 1..=255)? })
    }
}

/// The affiliate's profile
#[utoipa::path(get, path = "/affiliates/settings", tag = "affiliates", security(("token" = [])), responses(
    (status = 200, body = Envelope<Profile>),
    (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
    (status = 403, description = "`FORBIDDEN`: a company's token", body = ErrorBody),
))]
pub(crate) async fn settings(State(api): State<Api>, Affiliate(partner): Affiliate) -> Reply<Profile> {
    own(&api, partner).await.map(|partner| data(partner.into()))
}

/// Changes the affiliate's profile
#[utoipa::path(put, path = "/affiliates/settings", tag = "affiliates", security(("token" = [])),
    request_body = UpdateProfile,
    responses(
        (status = 200, body = Envelope<Profile>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: a company's token", body = ErrorBody),
    ))]
pub(crate) async fn update_settings(
    State(api): State<Api>,
    Affiliate(partner): Affiliate,
    Input(asked): Input<UpdateProfile>,
) -> Reply<Profile> {
    let partner = match asked.name {
        Some(name) => api.catalog.set_partner_name(partner, name).await?.ok_or(ApiError::NotFound("affiliate"))?,
        None => own(&api, partner).await?,
    };
    Ok(data(partner.into()))
}

/// The affiliate who asks: it is there, as its token was.
pub(super) async fn own(api: &Api, id: PartnerId) -> Result<Partner, ApiError> {
    api.catalog.partner(id).await?.ok_or(ApiError::NotFound("affiliate"))
}
