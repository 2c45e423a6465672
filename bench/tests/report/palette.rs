//! Colours that can be read, in both themes.
#![allow(clippy::float_arithmetic, reason = "luminance is a float by its definition")]

const STYLE: &str = include_str!("../../src/report/style.css");

/// Of text, and of what is drawn (WCAG 2.2, 1.4.3 and 1.4.11).
const OF_TEXT: f64 = 4.5;
const OF_SHAPES: f64 = 3.0;

/// A variable's colour in a theme.
fn colour(theme: &str, name: &str) -> [u8; 3] {
    let named = format!("--{name}: #");
    let at = theme.find(&named).unwrap_or_else(|| panic!("{name} is in the theme")) + named.len();
    [0, 2, 4].map(|digit| u8::from_str_radix(&theme[at + digit..at + digit + 2], 16).expect("two digits"))
}

fn luminance(colour: [u8; 3]) -> f64 {
    let linear = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn check(theme: &str, one: &str, other: &str, least: f64) {
    let found = contrast(colour(theme, one), colour(theme, other));
    assert!(found >= least, "{one} on {other}: {found:.2}");
}

#[test]
fn both_themes_can_be_read() {
    let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").expect("there are two themes");
    for theme in [light, dark] {
        for text in ["fg", "soft", "link", "good", "bad", "warn"] {
            check(theme, text, "bg", OF_TEXT);
        }
        for n in 1..=9 {
            check(theme, &format!("c{n}"), "bg", OF_SHAPES);
            check(theme, &format!("on{n}"), &format!("c{n}"), OF_TEXT);
        }
    }
    assert!((contrast([255; 3], [0; 3]) - 21.0).abs() < 0.01);
}
