use axum::{Extension, extract::State};
use ingest::address::Address;
use schemas::hashes::AddressHash;
use serde::Serialize;
use stores::catalog::AccountKind;
use utoipa::ToSchema;

use crate::{
    Api,
    body::{Fields, FromFields, Input},
    email::Email,
    error::{ApiError, ErrorBody},
    mail::MailAsked,
    reply::{Envelope, data},
};

/// Asks for a mail with a link that signs in.
#[derive(ToSchema)]
pub(crate) struct MagicLink {
    #[schema(value_type = String, format = Email, example = "you@example.com")]
    email: Email,
    #[schema(value_type = super::token::Role, rename = "type")]
    kind: AccountKind,
}

impl FromFields for MagicLink {
    fn from_fields(fields: &Fields<'_>) -> Result<MagicLink, ApiError> {
        let kinds = [("company", AccountKind::Company), ("affiliate", AccountKind::Partner)];
        Ok(MagicLink { email: fields.email("email")?, kind: fields.word("type", &kinds)? })
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MagicLinkSent {
    #[schema(example = "Magic link sent. Check your email.")]
    message: &'static str,
}

/// Sends a magic link
///
/// The answer is the same for every address, known or not, and after as many mails as an hour allows: 5 to an address and 20
/// asked for from one IP. The link works once, for 15 minutes.
#[utoipa::path(post, path = "/auth/magic-link", tag = "auth", request_body = MagicLink, responses(
    (status = 200, body = Envelope<MagicLinkSent>),
    (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
))]
pub(crate) async fn magic_link(
    State(api): State<Api>,
    address: Option<Extension<Address>>,
    Input(asked): Input<MagicLink>,
) -> Envelope<MagicLinkSent> {
    let hashed = |Extension(address): Extension<Address>| api.follower.keys().hash(address, (api.now)());
    // Who is not known shares the limit of all who are not.
    let address = address.and_then(hashed).map_or(AddressHash(0), |hashes| hashes.today);
    api.mail.ask(MailAsked { email: asked.email, kind: asked.kind, address });
    data(MagicLinkSent { message: "Magic link sent. Check your email." })
}
