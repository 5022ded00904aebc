//! Times and sizes for people: three significant digits and a unit, in so few columns that a table has room for them.

/// In place of a value that is not known.
pub const UNKNOWN: &str = "–";

/// What durations are in.
const OF_TIME: [&str; 6] = ["ns", "µs", "ms", "s", "d", "yr"];
/// What sizes are in.
const OF_SIZE: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Whether a number before this word means nothing without it.
pub fn is_unit(word: &str) -> bool {
    OF_TIME.contains(&word) || OF_SIZE.contains(&word) || word == "%"
}

/// A year of 365.25 days.
const YEAR_NS: f64 = 365.25 * 86_400.0 * 1e9;
const DAY_NS: f64 = 86_400.0 * 1e9;
/// From here on seconds have too many digits: it is a made-up number, or a clock that jumped.
pub const LONG_NS: f64 = 99_999.5 * 1e9;
/// No sum is longer than this but of made-up numbers: how much longer says nothing.
const MOST_YEARS: f64 = 9_999.0;

/// `1234` becomes `1.23 µs`. Never wider than 8 columns.
pub fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns if ns < LONG_NS => (ns / 1e9, "s"),
        ns if ns < YEAR_NS => (ns / DAY_NS, "d"),
        ns if ns <= MOST_YEARS * YEAR_NS => (ns / YEAR_NS, "yr"),
        _ => return format!("≥{MOST_YEARS} yr"),
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

/// No address space has more: a page table of five levels leads to 57 bits of addresses (Documentation/arch/x86/x86_64/5level-paging.rst,
/// Linux v6.12), and one of arm64 to 52.
const MOST_BYTES: u64 = 1 << 57;

/// `20480` becomes `20 KiB`, with a decimal where it is not whole. More than an address space can have says so.
pub fn size(bytes: u64) -> String {
    let power = (bytes.max(1).ilog2() / 10) as usize;
    let (whole, part) = (bytes >> (10 * power), bytes as f64 / (1_u64 << (10 * power)) as f64);
    let is_whole = bytes == whole << (10 * power);
    let number = if is_whole || part >= 100.0 { format!("{part:.0}") } else { format!("{part:.1}") };
    let (most, doubt) =
        (if bytes == u64::MAX { "at least " } else { "" }, if bytes > MOST_BYTES { " (implausible)" } else { "" });
    format!("{most}{number} {}{doubt}", OF_SIZE[power])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_significant_digits_and_a_unit() {
        let shown: Vec<_> = [0.0, 999.0, 1_234.0, 12_345.0, 123_456.0, 1_234_567.0, 2.5e9].map(duration).to_vec();
        assert_eq!(shown, ["0 ns", "999 ns", "1.23 µs", "12.3 µs", "123 µs", "1.23 ms", "2.50 s"]);
        let long: Vec<_> = [86_400e9, 1e5 * 1e9, 364.0 * DAY_NS, YEAR_NS, u64::MAX as f64, 1e35].map(duration).to_vec();
        assert_eq!(long, ["86400 s", "1.16 d", "364 d", "1.00 yr", "585 yr", "≥9999 yr"]);
    }

    #[test]
    fn no_duration_is_wider_than_a_column_of_a_table() {
        let all = (0..1_200).map(|tenth| 10_f64.powf(f64::from(tenth) / 30.0)).chain([999.99, 9.996e5, 99_999.4e9]);
        // In front of it comes a mark, where a quantile has too few operations.
        all.for_each(|ns| assert!(duration(ns).chars().count() <= if ns < 1e20 { 7 } else { 8 }, "{ns}: {}", duration(ns)));
    }

    #[test]
    fn what_stands_behind_a_number_is_known_as_its_unit() {
        let durations = (0..1_200).map(|tenth| duration(10_f64.powf(f64::from(tenth) / 30.0)));
        let sizes = (0..64).map(|power| size(1 << power).replace(" (implausible)", ""));
        durations.chain(sizes).for_each(|shown| assert!(shown.split_once(' ').is_some_and(|(_, unit)| is_unit(unit)), "{shown}"));
        assert!(!is_unit("years") && !is_unit("pages"));
    }

    #[test]
    fn a_size_has_the_unit_that_fits_and_what_cannot_be_says_so() {
        let shown = [0, 512, 4_096, 5_000, 128 << 10, (17 << 20) + 1, 4_294_967_295 << 12, 1 << 57].map(size);
        assert_eq!(shown, ["0 B", "512 B", "4 KiB", "4.9 KiB", "128 KiB", "17.0 MiB", "16.0 TiB", "128 PiB"]);
        let [large, most] = [18_446_744_069_414_584_321, u64::MAX].map(size);
        assert_eq!([&*large, &most], ["16.0 EiB (implausible)", "at least 16.0 EiB (implausible)"]);
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
