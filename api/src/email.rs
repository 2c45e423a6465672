use std::fmt;

/// An e-mail address that mail can be sent to, as its owner spelled it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    const MAX_BYTES: usize = 254;
    const MAX_LOCAL_BYTES: usize = 64;

    /// ASCII only: a dotted local part without quotes and a domain name of at least two labels.
    pub fn parse(text: &str) -> Option<Email> {
        let (local, domain) = text.split_once('@')?;
        let fits = text.len() <= Self::MAX_BYTES && local.len() <= Self::MAX_LOCAL_BYTES;
        let dotted = |part: &str, right: fn(&str) -> bool| part.split('.').all(right);
        let right = fits && dotted(local, is_atom) && domain.contains('.') && dotted(domain, is_label);
        let sendable = right && text.parse::<lettre::Address>().is_ok();
        sendable.then(|| Email(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a log may show of it.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[e-mail]")
    }
}

fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

fn is_label(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (1..=63).contains(&text.len()) && plain && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_such_that_mail_arrives() {
        for right in ["you@example.com", "Jane.D+x@a-b.co.uk", "o'neil@example.com", "a@b.cd"] {
            assert!(Email::parse(right).is_some(), "{right}");
        }
        let long = format!("{}@example.com", "x".repeat(65));
        for wrong in [
            "",
            "nobody",
            "@example.com",
            "a@",
            "a@b",
            "a@@b.cd",
            "a@b@c.de",
            ".a@b.cd",
            "a.@b.cd",
            "a..b@c.de",
            "a b@c.de",
            "a@b..cd",
            "a@-b.cd",
            "a@b.cd.",
            "a@b_c.de",
            " a@b.cd",
            "a@b.cd\n",
            "a@b.cd\r\nBcc: x@y.zz",
            "\"a b\"@c.de",
            "a@[127.0.0.1]",
            "j\u{e9}@b.cd",
            "<a@b.cd>",
            "a,b@c.de",
            "a@b.cd,e@f.gh",
            "a\0@b.cd",
            &long,
        ] {
            assert!(Email::parse(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(format!("{:?}", Email::parse("a@b.cd")), "Some([e-mail])");
    }
}
