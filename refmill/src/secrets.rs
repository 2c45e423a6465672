use std::fmt;

/// A URL that may hold a password. It is shown with the password masked; the whole of it only by `expose`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretUrl(String);

impl SecretUrl {
    pub(crate) fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// The whole URL, for the one who connects.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A password may hold `/`, `?` and `@` unescaped by mistake, so all between the first `:` of the user part and the last `@` is masked.
fn mask(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(_, rest)| (&url[..url.len() - rest.len()], rest));
    let Some((login, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}{user}:***@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("smtp://mail.example.com:587", "smtp://mail.example.com:587"),
            ("smtp://user@mail.example.com", "smtp://user@mail.example.com"),
            ("smtps://user:hunter2@mail.example.com", "smtps://user:***@mail.example.com"),
            ("smtp://user:hun@ter/2?@mail.example.com:25/x", "smtp://user:***@mail.example.com:25/x"),
            ("user:hunter2@mail.example.com", "user:***@mail.example.com"),
        ] {
            let secret = SecretUrl::new(url);
            assert_eq!(secret.to_string(), shown);
            assert_eq!(format!("{secret:?}"), shown);
            assert_eq!(secret.expose(), url);
        }
    }
}
