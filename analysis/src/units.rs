//! Nanoseconds for people: three significant digits and a unit.

/// In place of a value that is not known.
pub const UNKNOWN: &str = "–";

/// A year of 365.25 days.
const YEAR_NS: f64 = 365.25 * 86_400.0 * 1e9;
/// From here on a duration is one of years: it is a made-up number, or a clock that jumped.
const LONG_NS: f64 = YEAR_NS / 10.0;

/// `1234` becomes `1.23 µs`.
pub fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns if ns < LONG_NS => (ns / 1e9, "s"),
        ns => (ns / YEAR_NS, "years"),
    };
    let decimals = match value {
        value if unit == "ns" || value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}")
}

/// From one to the other: `5.62–26.1 µs`, `900 ns–26.1 µs`; one of them where both are written alike. Parts of a nanosecond are
/// written: a page of many can cost less than one, and that is not 0.
pub fn durations(low: f64, high: f64) -> String {
    let [least, most] = [low, high].map(|ns| if ns < 10.0 && ns.fract() != 0.0 { format!("{ns:.2} ns") } else { duration(ns) });
    if least == most {
        return most;
    }
    let (number, unit) = least.split_once(' ').expect("a duration has a unit");
    match most.rsplit_once(' ') {
        Some((_, other)) if other == unit => format!("{number}–{most}"),
        _ => format!("{least}–{most}"),
    }
}

/// The same for a value that may be unknown: a dash, never a zero.
pub fn maybe_duration(ns: Option<f64>) -> String {
    ns.map_or_else(|| UNKNOWN.to_owned(), duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_significant_digits_and_a_unit() {
        let shown: Vec<_> = [0.0, 999.0, 1_234.0, 12_345.0, 123_456.0, 1_234_567.0, 2.5e9].map(duration).to_vec();
        assert_eq!(shown, ["0 ns", "999 ns", "1.23 µs", "12.3 µs", "123 µs", "1.23 ms", "2.50 s"]);
        let long: Vec<_> = [86_400e9, YEAR_NS, u64::MAX as f64].map(duration).to_vec();
        assert_eq!(long, ["86400 s", "1.00 years", "585 years"]);
    }

    #[test]
    fn a_range_has_its_unit_once_where_both_ends_have_the_same() {
        let shown = [(5_620.0, 26_100.0), (900.0, 26_100.0), (1_234.0, 1_234.4)].map(|(low, high)| durations(low, high));
        assert_eq!(shown, ["5.62–26.1 µs", "900 ns–26.1 µs", "1.23 µs"]);
        assert_eq!([durations(0.044, 7.0), durations(0.1, 0.1)], ["0.04–7 ns", "0.10 ns"]);
    }

    #[test]
    fn an_unknown_duration_is_not_zero() {
        assert_eq!(maybe_duration(None), "–");
    }
}
