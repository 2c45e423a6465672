use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use super::{FLAG, Kafka};
use crate::OpenError;

const SCHEME: &str = "kafka://";
const DEFAULT_MECHANISM: &str = "SCRAM-SHA-512";

/// `kafka://[user:password@]host:port[,host:port…][?tls=true&ca=FILE&mechanism=SCRAM-SHA-512]`, or the addresses alone.
pub(super) fn read(url: &str) -> Result<Kafka, OpenError> {
    let rest = url.strip_prefix(SCHEME).unwrap_or(url);
    if rest.contains("://") {
        return Err(bad_url("it begins with kafka://, or with a host".to_owned()));
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, hosts) = match place.rsplit_once('@') {
        Some((user, hosts)) => (Some(user), hosts),
        None => (None, place),
    };
    let address = hosts.trim_end_matches('/').to_owned();
    for host in address.split(',') {
        check_host(host)?;
    }
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Warning).set("bootstrap.servers", &address);
    let options = Options::read(query)?;
    set_access(&mut config, user, options)?;
    Ok(Kafka { config, address })
}

#[derive(Default)]
struct Options {
    tls: Option<bool>,
    ca: Option<String>,
    mechanism: Option<String>,
}

impl Options {
    fn read(query: &str) -> Result<Options, OpenError> {
        let mut options = Options::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("tls", "true") => options.tls = Some(true),
                ("tls", "false") => options.tls = Some(false),
                ("tls", _) => return Err(bad_url("tls takes true or false".to_owned())),
                ("ca", file) => options.ca = Some(file.to_owned()),
                ("mechanism", name) => options.mechanism = Some(name.to_owned()),
                (other, _) => return Err(bad_url(format!("it takes tls, ca and mechanism, not {other}"))),
            }
        }
        Ok(options)
    }
}

fn set_access(config: &mut ClientConfig, user: Option<&str>, options: Options) -> Result<(), OpenError> {
    let tls = options.tls.unwrap_or(options.ca.is_some());
    if tls {
        // Where the system keeps its authorities differs: they are looked for.
        config.set("ssl.ca.location", options.ca.as_deref().unwrap_or("probe"));
    } else if options.ca.is_some() {
        return Err(bad_url("ca goes with tls=true".to_owned()));
    }
    if user.is_none() && options.mechanism.is_some() {
        return Err(bad_url("a mechanism goes with user:password@".to_owned()));
    }
    if let Some(user) = user {
        let (user, password) =
            user.split_once(':').ok_or_else(|| bad_url("a user goes with a password: user:password@".to_owned()))?;
        config
            .set("sasl.mechanism", options.mechanism.as_deref().unwrap_or(DEFAULT_MECHANISM))
            .set("sasl.username", decode(user)?)
            .set("sasl.password", decode(password)?);
    }
    let protocol = match (user.is_some(), tls) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    Ok(())
}

fn check_host(host: &str) -> Result<(), OpenError> {
    let wrong = || bad_url("each address is host:port".to_owned());
    let (name, port) = host.rsplit_once(':').ok_or_else(wrong)?;
    if name.is_empty() || name.contains(['/', '@']) {
        return Err(wrong());
    }
    port.parse::<u16>().map(drop).map_err(|_| wrong())
}

/// Undoes percent-encoding. What is wrong with a password is not repeated.
fn decode(text: &str) -> Result<String, OpenError> {
    let wrong = || bad_url("the user or the password is not percent-encoded".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn bad_url(problem: String) -> OpenError {
    OpenError::BadUrl { flag: FLAG, problem }
}

#[cfg(test)]
mod tests {
    use super::{super::Kafka, read};

    fn settings(url: &str) -> Vec<(String, String)> {
        let Kafka { config, .. } = read(url).unwrap();
        let names = ["bootstrap.servers", "security.protocol", "sasl.mechanism", "sasl.username", "sasl.password"];
        let named = names.into_iter().chain(["ssl.ca.location"]);
        named.filter_map(|name| Some((name.to_owned(), config.get(name)?.to_owned()))).collect()
    }

    #[test]
    fn addresses_access_and_trust_are_read() {
        let cases: [(&str, &[(&str, &str)]); 5] = [
            ("a:1", &[("bootstrap.servers", "a:1"), ("security.protocol", "plaintext")]),
            ("kafka://a:1,[::1]:2/", &[("bootstrap.servers", "a:1,[::1]:2"), ("security.protocol", "plaintext")]),
            (
                "kafka://u:p%40%3a%2F@a:1,b:2",
                &[
                    ("bootstrap.servers", "a:1,b:2"),
                    ("security.protocol", "sasl_plaintext"),
                    ("sasl.mechanism", "SCRAM-SHA-512"),
                    ("sasl.username", "u"),
                    ("sasl.password", "p@:/"),
                ],
            ),
            (
                "kafka://a:1?tls=true",
                &[("bootstrap.servers", "a:1"), ("security.protocol", "ssl"), ("ssl.ca.location", "probe")],
            ),
            (
                "kafka://u:p@a:1?ca=/some/ca.pem&mechanism=PLAIN",
                &[
                    ("bootstrap.servers", "a:1"),
                    ("security.protocol", "sasl_ssl"),
                    ("sasl.mechanism", "PLAIN"),
                    ("sasl.username", "u"),
                    ("sasl.password", "p"),
                    ("ssl.ca.location", "/some/ca.pem"),
                ],
            ),
        ];
        for (url, expected) in cases {
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(settings(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in [
            "",
            "a",
            "kafka://",
            "kafka://a",
            "kafka://a:1,b",
            "kafka://a:hello",
            "http://a:1",
            "kafka://u@a:1",
            "kafka://u:geheim%zz@a:1",
            "kafka://u:geheim%@a:1",
            "kafka://u:geheim@a:1?tls=perhaps",
            "kafka://u:geheim@a:1?color=red",
            "kafka://u:geheim@a:1?tls=false&ca=/some/ca.pem",
            "kafka://a:1?mechanism=PLAIN",
        ] {
            let error = read(url).err().unwrap().to_string();
            assert!(error.starts_with("--kafka is not understood: ") && !error.contains("geheim"), "{url}: {error}");
        }
    }
}
