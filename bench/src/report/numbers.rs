//! Figures as they are read, from integers alone.

/// What isn't known, or can't be said.
pub(crate) const NONE: &str = "–";

/// `1,234,567`
pub(crate) fn count(n: impl Into<i128>) -> String {
    let n: i128 = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut text = String::from(if n < 0 { "−" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Of one event: `26.5 µs`
pub(crate) fn cost(ns: u64) -> String {
    format!("{} µs", cost_in_us(ns))
}

pub(crate) fn cost_in_us(ns: u64) -> String {
    significant(ns, 1_000)
}

/// `850 µs`, `5.12 ms`, `1.24 s`, `3.5 min`
pub(crate) fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", significant(us, 1_000)),
        1_000_000..600_000_000 => format!("{} s", significant(us, 1_000_000)),
        _ => format!("{} min", significant(us, 60_000_000)),
    }
}

/// `512 B`, `29 MiB`
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| n >= *unit) {
        Some((name, unit)) => format!("{} {name}", significant(n, *unit)),
        None => format!("{n} B"),
    }
}

/// `1.28` of 1,280 thousandths
pub(crate) fn ratio(millis: u64) -> String {
    significant(millis, 1_000)
}

/// `97.4 %` of 974,000 millionths
pub(crate) fn percent(ppm: u32) -> String {
    format!("{} %", decimal(ppm.into(), 10_000, 1))
}

/// `99.9` of 999,000 millionths: as many decimals as it has.
pub(crate) fn share(ppm: u32) -> String {
    let text = decimal(ppm.into(), 10_000, 4);
    format!("p{}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The same at an axis, where `20.0 µs` says no more than `20 µs`.
pub(crate) fn cost_tick(ns: u64) -> String {
    short(&cost(ns))
}

pub(crate) fn time_tick(us: u64) -> String {
    short(&time(us))
}

/// Of a number of MiB.
pub(crate) fn mib_tick(mib: u64) -> String {
    from_zero(mib, " MiB")
}

pub(crate) fn bytes_tick(n: u64) -> String {
    from_zero(n, " B")
}

pub(crate) fn rate_tick(n: u64) -> String {
    from_zero(n, "/s")
}

fn from_zero(n: u64, unit: &str) -> String {
    if n == 0 { "0".to_owned() } else { format!("{}{unit}", count(n)) }
}

/// `10 M`, where a number is so round that nothing is lost.
pub(crate) fn round(n: u64) -> String {
    match [("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)]
        .iter()
        .find(|(_, unit)| n > 0 && n.is_multiple_of(*unit))
    {
        Some((name, unit)) => format!("{} {name}", count(n / unit)),
        None => count(n),
    }
}

fn short(text: &str) -> String {
    match text.split_once(' ') {
        Some(("0" | "0.00", _)) => "0".to_owned(),
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

/// Three digits that count, more only before the point.
pub(crate) fn significant(value: u64, unit: u64) -> String {
    let places = match value / unit {
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    decimal(value, unit, places)
}

/// `value / unit`, rounded half up to so many places.
pub(crate) fn decimal(value: u64, unit: u64, places: u32) -> String {
    let scale = 10_u128.pow(places);
    let unit = u128::from(unit.max(1));
    let rounded = (u128::from(value) * scale + unit / 2) / unit;
    let whole = count(i128::try_from(rounded / scale).unwrap_or(i128::MAX));
    if places == 0 { whole } else { format!("{whole}.{:0width$}", rounded % scale, width = places as usize) }
}

/// `part × times / of`, nothing where there is nothing to divide by.
pub(crate) fn over(part: u64, times: u64, of: u64) -> Option<u64> {
    let exact = (u128::from(part) * u128::from(times)).checked_div(of.into())?;
    Some(u64::try_from(exact).unwrap_or(u64::MAX))
}

pub(crate) fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| NONE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_people_write_them() {
        for (shown, expected) in [
            (count(0_u64), "0"),
            (count(999_u64), "999"),
            (count(1_234_567_u64), "1,234,567"),
            (count(-12_000_i64), "−12,000"),
            (cost(26_480), "26.5 µs"),
            (cost(1_175), "1.18 µs"),
            (cost(1_811_200), "1,811 µs"),
            (cost_tick(20_000), "20 µs"),
            (cost_tick(200_000), "200 µs"),
            (time_tick(1_500), "1.5 ms"),
            (time_tick(0), "0"),
            (round(100_000_000), "100 M"),
            (round(1_500), "1,500"),
            (mib_tick(0), "0"),
            (rate_tick(20_000), "20,000/s"),
            (time(850), "850 µs"),
            (time(5_123), "5.12 ms"),
            (time(113_400), "113 ms"),
            (time(1_240_000), "1.24 s"),
            (time(3_600_000_000), "60.0 min"),
            (bytes(512), "512 B"),
            (bytes(29 << 20), "29.0 MiB"),
            (bytes(u64::MAX), "17,179,869,184 GiB"),
            (ratio(1_280), "1.28"),
            (ratio(42_310), "42.3"),
            (percent(974_000), "97.4 %"),
            (share(500_000), "p50"),
            (share(999_900), "p99.99"),
            (share(1_000_000), "p100"),
            (decimal(5, 0, 1), "5.0"),
        ] {
            assert_eq!(shown, expected);
        }
        assert_eq!(over(10, 1_000, 4), Some(2_500));
        assert_eq!(over(u64::MAX, u64::MAX, 1), Some(u64::MAX));
        assert_eq!(over(1, 1, 0), None);
    }
}
