//! What JSON's syntax lets through in strings and no store or page should hold.

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadEscape {
    #[error("takes no U+0000 in any text")]
    Nul,
    #[error("takes no half of a surrogate pair in any text")]
    LoneSurrogate,
}

/// Looks at the escapes of a JSON text whose syntax is right: backslashes stand nowhere but in its strings.
pub(super) fn check(json: &str) -> Result<(), BadEscape> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += found;
        let Some(unit) = unit(bytes, at) else {
            at += 2;
            continue;
        };
        at += 6;
        match unit {
            0 => return Err(BadEscape::Nul),
            0xd800..=0xdbff => match self::unit(bytes, at) {
                Some(0xdc00..=0xdfff) => at += 6,
                _ => return Err(BadEscape::LoneSurrogate),
            },
            0xdc00..=0xdfff => return Err(BadEscape::LoneSurrogate),
            _ => {}
        }
    }
    Ok(())
}

/// The UTF-16 unit of the `\uXXXX` that stands at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_that_hold_no_character_are_found() {
        for (json, wanted) in [
            (r#""plain""#, Ok(())),
            (r#""\n\"\\u0000""#, Ok(())),
            (r#""\u00e9 \ud83d\ude00""#, Ok(())),
            (r#"{"a":["\u0000"]}"#, Err(BadEscape::Nul)),
            (r#"{"\u0000":1}"#, Err(BadEscape::Nul)),
            (r#""\\\u0000""#, Err(BadEscape::Nul)),
            (r#""\ud800""#, Err(BadEscape::LoneSurrogate)),
            (r#""\ud800x""#, Err(BadEscape::LoneSurrogate)),
            (r#""\ud800\ud800""#, Err(BadEscape::LoneSurrogate)),
            (r#""\ude00\ud83d""#, Err(BadEscape::LoneSurrogate)),
            (r#""\"#, Ok(())),
        ] {
            assert_eq!(check(json), wanted, "{json}");
        }
    }
}
