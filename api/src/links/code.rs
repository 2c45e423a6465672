use schemas::{
    code::Code,
    ids::{CompanyId, LinkId, PartnerId},
};
use stores::catalog::{LinkError, LinkPartner, Linked, NewLink};

use crate::{Api, body::Fields, error::ApiError, secret::random};

/// How often another random code is tried when one is taken.
const TRIES: usize = 5;

/// What the code of a request says, if it has one.
pub(crate) fn asked_code(fields: &Fields<'_>) -> Result<Option<Code>, ApiError> {
    let takes = || ApiError::invalid("code", "takes 3 to 64 of A-Z, a-z, 0-9, _ and -");
    let text = fields.text_or_none("code", 0..=Code::MAX_LEN).map_err(|_| takes())?;
    text.map(|text| Code::parse(&text).map_err(|_| takes())).transpose()
}

/// Where the link is followed.
pub(crate) fn url(api: &Api, code: &Code) -> String {
    format!("{}/r/{code}", api.public_url)
}

/// A link to be made, but for its code.
#[derive(Clone)]
pub(crate) struct LinkWanted {
    pub(crate) company: CompanyId,
    pub(crate) partner: LinkPartner,
    pub(crate) destination: String,
    pub(crate) name: Option<String>,
    /// Refused where the partner has a link in the program already.
    pub(crate) joins: bool,
}

/// Makes a link under the code that was asked for, or else under a random one that is free; the edge knows it then.
pub(crate) async fn make(api: &Api, asked: Option<Code>, wanted: LinkWanted) -> Result<(Code, PartnerId), ApiError> {
    if let Some(code) = asked {
        let linked = put(api, &code, wanted).await.map_err(refused)?;
        api.settled(linked.change).await;
        return Ok((code, linked.partner));
    }
    for _ in 0..TRIES {
        let code = random_code()?;
        match put(api, &code, wanted.clone()).await {
            Ok(linked) => {
                api.settled(linked.change).await;
                return Ok((code, linked.partner));
            }
            Err(LinkError::CodeTaken) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Err(ApiError::Unavailable("no free code was found: try again"))
}

async fn put(api: &Api, code: &Code, wanted: LinkWanted) -> Result<Linked, LinkError> {
    let link = NewLink {
        id: LinkId(code.route()),
        code: code.clone(),
        company: wanted.company,
        partner: wanted.partner,
        destination: wanted.destination,
        name: wanted.name,
        now: (api.now)(),
    };
    if wanted.joins { api.catalog.join_program(link).await } else { api.catalog.create_link(link).await }
}

/// Ten characters of 32, none of which is read as another.
fn random_code() -> Result<Code, ApiError> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let text: String = random::<10>()?.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    Code::parse(&text).map_err(|_| ApiError::Unavailable("no code could be made"))
}

fn refused(error: LinkError) -> ApiError {
    match error {
        LinkError::CodeTaken => ApiError::Duplicate("code: is taken"),
        LinkError::AlreadyJoined => ApiError::Duplicate("the affiliate has joined this program already"),
        LinkError::UnknownCompany => ApiError::NotFound("company"),
        LinkError::UnknownPartner => ApiError::NotFound("affiliate"),
        LinkError::Store(error) => error.into(),
    }
}
