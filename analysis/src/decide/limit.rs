//! How much a time may change.

use std::fmt;

use crate::units;

/// A change up to this is none: the larger of the two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// As a part of the time.
    pub part: f64,
    /// In nanoseconds.
    pub ns: u64,
}

/// What is looked for where nobody says a limit: 5 %, and 0.2 µs, which is what one cache miss more or less costs here and there.
pub const DEFAULT: Limit = Limit { part: 0.05, ns: 200 };

impl Limit {
    /// The longest that is not longer.
    pub fn above(self, ns: u64) -> u64 {
        let by_part = (ns as f64 * (1.0 + self.part)).floor() as u64;
        by_part.max(ns.saturating_add(self.ns))
    }

    /// Reads `5%`, `200ns`, `1.5us`, `5%,200ns`.
    ///
    /// # Errors
    /// It is none of these; what was expected, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut limit = Self { part: 0.0, ns: 0 };
        for word in text.split(',') {
            let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
            let (number, unit) = word.split_at(end);
            let number: f64 = number.parse().map_err(|_| wrong(word))?;
            match unit {
                "%" if number <= MOST_PERCENT => limit.part = number / 100.0,
                "ns" | "us" | "µs" | "ms" => limit.ns = (number * ns_of(unit)).round() as u64,
                _ => return Err(wrong(word)),
            }
        }
        Ok(limit)
    }
}

/// More is no limit.
const MOST_PERCENT: f64 = 100_000.0;

fn ns_of(unit: &str) -> f64 {
    match unit {
        "ns" => 1.0,
        "ms" => 1e6,
        _ => 1e3,
    }
}

fn wrong(word: &str) -> String {
    format!("`{word}` is no limit: give a part and a time, or one of them, as in 5%, 200ns, 1.5us or 5%,200ns")
}

/// As it is read.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.part * 100.0;
        match (self.part > 0.0, self.ns > 0) {
            (true, true) => write!(f, "{percent} %, {}", units::duration(self.ns as f64)),
            (false, true) => f.write_str(&units::duration(self.ns as f64)),
            _ => write!(f, "{percent} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_the_larger_of_a_part_and_a_time() {
        let limit = Limit::parse("5%,200ns").unwrap();
        assert_eq!(limit, DEFAULT);
        assert_eq!([0, 1_000, 4_000, 100_000, u64::MAX].map(|ns| limit.above(ns)), [200, 1_200, 4_200, 105_000, u64::MAX]);
        assert_eq!(Limit::parse("1.5us").unwrap(), Limit { part: 0.0, ns: 1_500 });
        assert_eq!((limit.to_string(), Limit::parse("0%").unwrap().above(7)), ("5 %, 200 ns".to_owned(), 7));
    }

    #[test]
    fn what_is_no_limit_is_refused_with_what_one_looks_like() {
        for text in ["", "5", "%", "5%%", "-5%", "1e9%", "inf%", "5 %", "200 ns", "5%,", "five%", "999999999%"] {
            let error = Limit::parse(text).unwrap_err();
            assert!(error.contains("5%,200ns"), "{text}: {error}");
        }
    }
}
