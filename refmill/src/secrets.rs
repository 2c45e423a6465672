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
    let shown = mask_parameters(rest);
    let (login, place) = match shown.rsplit_once('@') {
        Some((login, place)) => (login, format!("@{place}")),
        // An `@` that was masked as part of a parameter may have ended a login.
        None if rest.contains('@') => (shown.as_str(), String::new()),
        None => return format!("{scheme}{shown}"),
    };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}{user}:***{place}"),
        None => format!("{scheme}{login}{place}"),
    }
}

/// Some servers take the password as a parameter.
fn mask_parameters(place: &str) -> String {
    let Some((before, query)) = place.split_once('?') else { return place.to_owned() };
    let shown = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=***"),
        _ => parameter.to_owned(),
    });
    format!("{before}?{}", shown.collect::<Vec<_>>().join("&"))
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
            ("redis://:hunter2@cache.example.com:6379/0", "redis://:***@cache.example.com:6379/0"),
            ("kafka://user:hunter2@a:9092,b:9092?tls=true", "kafka://user:***@a:9092,b:9092?tls=true"),
            ("postgres://db/x?user=u&password=hunter2&a=b", "postgres://db/x?user=u&password=***&a=b"),
            ("postgres://db/x?password=hun@ter2", "postgres://db/x?password=***"),
            ("postgres://u:hun?password=ter2@db/x", "postgres://u:***"),
            ("http://db:8123/?Password=hunter2", "http://db:8123/?Password=***"),
            ("127.0.0.1:9092,127.0.0.1:9093", "127.0.0.1:9092,127.0.0.1:9093"),
            ("user:hunter2@mail.example.com", "user:***@mail.example.com"),
        ] {
            let secret = SecretUrl::new(url);
            assert_eq!(secret.to_string(), shown);
            assert_eq!(format!("{secret:?}"), shown);
            assert_eq!(secret.expose(), url);
        }
    }
}
