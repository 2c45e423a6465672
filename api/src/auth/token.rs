//! Bearer tokens: JWT, HS256 and nothing else, an hour long.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use schemas::time::{HOUR_MS, SECOND_MS, TimeMs};
use serde::{Deserialize, Serialize};
use stores::catalog::{Principal, Session};
use utoipa::ToSchema;

/// How long a token works.
pub(crate) const TOKEN_MS: i64 = HOUR_MS;

/// The deployment's key for tokens.
#[derive(Clone)]
pub(crate) struct TokenKey {
    signs: EncodingKey,
    checks: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Company,
    Affiliate,
}

/// What a genuine token says. Whether its session still lives is for the catalog to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) principal: Principal,
    pub(crate) session: u128,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    sub: String,
    role: Role,
    sid: String,
    iat: i64,
    exp: i64,
}

impl TokenKey {
    pub(crate) fn new(secret: &[u8; 32]) -> TokenKey {
        TokenKey { signs: EncodingKey::from_secret(secret), checks: DecodingKey::from_secret(secret) }
    }

    pub(crate) fn sign(&self, session: &Session) -> Result<String, jsonwebtoken::errors::Error> {
        let (sub, role) = match session.principal {
            Principal::Company(company) => (company.to_string(), Role::Company),
            Principal::Partner(partner) => (partner.to_string(), Role::Affiliate),
        };
        let claims = Claims {
            sub,
            role,
            sid: BASE64URL_NOPAD.encode(&session.id.to_be_bytes()),
            iat: session.issued_at.0 / SECOND_MS,
            exp: session.expires_at.0 / SECOND_MS,
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.signs)
    }

    /// What the token says, if this key signed it and it has not expired at `now`.
    pub(crate) fn read(&self, token: &str, now: TimeMs) -> Option<Token> {
        let claims = decode::<Claims>(token, &self.checks, &signature_only()).ok()?.claims;
        if now.0 >= claims.exp.checked_mul(SECOND_MS)? {
            return None;
        }
        let principal = match claims.role {
            Role::Company => Principal::Company(claims.sub.parse().ok()?),
            Role::Affiliate => Principal::Partner(claims.sub.parse().ok()?),
        };
        let session = BASE64URL_NOPAD.decode(claims.sid.as_bytes()).ok()?;
        Some(Token { principal, session: u128::from_be_bytes(session.try_into().ok()?) })
    }
}

/// The library would compare `exp` with a clock of its own; it is compared with ours.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.required_spec_claims.extend(["sub".to_owned()]);
    validation
}

#[cfg(test)]
mod tests {
    use schemas::ids::{CompanyId, PartnerId};

    use super::*;

    const NOW: TimeMs = TimeMs(1_790_000_000_000);
    const SECRET: [u8; 32] = [7; 32];

    fn session(principal: Principal) -> Session {
        Session { id: 5 << 100, principal, issued_at: NOW, expires_at: NOW.plus_ms(TOKEN_MS) }
    }

    fn part(text: &str) -> String {
        BASE64URL_NOPAD.encode(text.as_bytes())
    }

    /// Tokens that must not be read, with what is wrong with them.
    fn forgeries(genuine: &str) -> Vec<(&'static str, String)> {
        let [header, claims, mac] = genuine.split('.').collect::<Vec<_>>().try_into().unwrap();
        let other_claims = String::from_utf8(BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
        let other_claims = part(&other_claims.replace("company", "affiliate").replace("cmp_", "aff_"));
        let stolen = TokenKey::new(&[8; 32]).sign(&session(Principal::Company(CompanyId(1)))).unwrap();
        let by_another_algorithm = |algorithm| {
            let claims: Claims = serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
            encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(&SECRET)).unwrap()
        };
        vec![
            ("none, unsigned", format!("{}.{claims}.", part(r#"{"alg":"none"}"#))),
            ("none, signed", format!("{}.{claims}.{mac}", part(r#"{"alg":"none","typ":"JWT"}"#))),
            ("None", format!("{}.{claims}.", part(r#"{"alg":"None"}"#))),
            ("another role", format!("{header}.{other_claims}.{mac}")),
            ("no signature", format!("{header}.{claims}.")),
            ("a changed signature", format!("{header}.{claims}.{}AAA", &mac[..mac.len() - 3])),
            ("another key", stolen),
            ("HS384 by the same key", by_another_algorithm(Algorithm::HS384)),
            ("HS512 by the same key", by_another_algorithm(Algorithm::HS512)),
            ("two parts", format!("{header}.{claims}")),
            ("four parts", format!("{genuine}.{mac}")),
            ("nothing", String::new()),
        ]
    }

    /// The forgeries that a way of reading takes for genuine.
    fn taken(read: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let genuine = TokenKey::new(&SECRET).sign(&session(Principal::Company(CompanyId(1)))).unwrap();
        assert!(read(&genuine));
        forgeries(&genuine).into_iter().filter(|(_, token)| read(token)).map(|(what, _)| what).collect()
    }

    #[test]
    fn a_token_says_who_and_which_session() {
        let key = TokenKey::new(&SECRET);
        for principal in [Principal::Company(CompanyId(1)), Principal::Partner(PartnerId(u64::MAX))] {
            let text = key.sign(&session(principal)).unwrap();
            assert_eq!(key.read(&text, NOW), Some(Token { principal, session: 5 << 100 }));
            for (late_ms, read) in [(TOKEN_MS - 1, true), (TOKEN_MS, false), (TOKEN_MS + 59_000, false)] {
                assert_eq!(key.read(&text, NOW.plus_ms(late_ms)).is_some(), read, "{late_ms}");
            }
        }
    }

    #[test]
    fn no_forgery_is_taken() {
        let key = TokenKey::new(&SECRET);
        assert_eq!(taken(|token| key.read(token, NOW).is_some()), Vec::<&str>::new());
    }

    #[test]
    fn a_reader_that_lets_the_token_choose_is_caught() {
        let any_algorithm = |token: &str| {
            let mut validation = signature_only();
            validation.algorithms = vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
            decode::<Claims>(token, &DecodingKey::from_secret(&SECRET), &validation).is_ok()
        };
        assert_eq!(taken(any_algorithm), ["HS384 by the same key", "HS512 by the same key"]);
        let no_signature = |token: &str| jsonwebtoken::dangerous::insecure_decode::<Claims>(token).is_ok();
        assert!(taken(no_signature).contains(&"another key"));
    }
}
