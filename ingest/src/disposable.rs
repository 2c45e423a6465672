//! Whether an e-mail address is of a domain that gives out throw-away addresses.

/// Sorted by bytes, one a line, so that a domain is found without a table in memory.
static DOMAINS: &str = include_str!("../data/disposable-email-domains.txt");

/// The domain itself or any that it is under is on the list.
pub(crate) fn is_disposable(address: &str) -> bool {
    let Some((_, domain)) = address.trim().rsplit_once('@') else { return false };
    let domain = domain.to_ascii_lowercase();
    let mut rest = domain.as_str();
    loop {
        if is_listed(rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, parent)) => rest = parent,
            None => return false,
        }
    }
}

fn is_listed(domain: &str) -> bool {
    let mut lines = DOMAINS;
    while !lines.is_empty() {
        let middle = lines.floor_char_boundary(lines.len() / 2);
        let start = lines[..middle].rfind('\n').map_or(0, |end| end + 1);
        let end = lines[start..].find('\n').map_or(lines.len(), |length| start + length);
        match lines[start..end].cmp(domain) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => lines = lines.get(end + 1..).unwrap_or_default(),
            std::cmp::Ordering::Greater => lines = &lines[..start],
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        assert!(DOMAINS.lines().all(is_listed));
        assert!(DOMAINS.lines().is_sorted());
    }

    #[test]
    fn throw_away_domains_are_known() {
        for (address, wanted) in [
            ("x@mailinator.com", true),
            ("x@sub.Mailinator.com ", true),
            ("x@gmail.com", false),
            ("x@com", false),
            ("mailinator.com", false),
        ] {
            assert_eq!(is_disposable(address), wanted, "{address}");
        }
    }
}
