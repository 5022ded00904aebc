//! Limits, each with the series that it is for: `export.* p99=5%`.

use super::{DEFAULT, Limit, MEDIAN, Metric};
use crate::select::{Problem, Selector};
use crate::series::SeriesKey;

/// Some series, and how much their times may change.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which series.
    pub selector: Selector,
    /// What of them, and how much.
    pub limits: Vec<(Metric, Limit)>,
}

impl Rule {
    /// What is judged where nobody says anything: the median of everything.
    pub fn default_one() -> Self {
        Self { selector: Selector::all(), limits: vec![(MEDIAN, DEFAULT)] }
    }

    /// Reads one.
    ///
    /// # Errors
    /// It is not written as limits are.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let end = selector_end(text);
        let selector = Selector::parse(&text[..end])?;
        let limits = text[end..].split_whitespace().map(|word| limit(word, word.as_ptr() as usize - text.as_ptr() as usize));
        let limits = limits.collect::<Result<Vec<_>, _>>()?;
        if limits.is_empty() {
            return Err(Problem { at: text.len(), what: "expected what may change by how much, as in p99=5%".to_owned() });
        }
        Ok(Self { selector, limits })
    }
}

/// What one series is judged by: of each metric, what the last rule says that is for it.
pub fn limits_of(rules: &[Rule], key: &SeriesKey) -> Vec<(Metric, Limit)> {
    let mut all: Vec<(Metric, Limit)> = Vec::new();
    for (metric, limit) in rules.iter().filter(|rule| rule.selector.selects(key)).flat_map(|rule| &rule.limits) {
        match all.iter_mut().find(|(known, _)| known == metric) {
            Some(known) => known.1 = *limit,
            None => all.push((*metric, *limit)),
        }
    }
    all
}

/// The first space that is in no brackets.
fn selector_end(text: &str) -> usize {
    let mut is_inside = false;
    let end = text.char_indices().find(|&(_, c)| {
        is_inside = (is_inside || c == '[') && c != ']';
        c.is_whitespace() && !is_inside
    });
    end.map_or(text.len(), |(at, _)| at)
}

fn limit(word: &str, at: usize) -> Result<(Metric, Limit), Problem> {
    let (metric, limit) = word.split_once('=').ok_or_else(|| Problem {
        at,
        what: format!("`{word}` is no limit: expected what may change by how much, as in p99=5%"),
    })?;
    let limit_at = at + metric.len() + 1;
    let metric = Metric::parse(metric).map_err(|what| Problem { at, what })?;
    Ok((metric, Limit::parse(limit).map_err(|what| Problem { at: limit_at, what })?))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;

    #[test]
    fn the_last_rule_for_a_metric_counts() {
        let rules =
            ["* p50=5% p99=10%", "export.wc[pages<=1, outcome=ok] p50=200ns dma_free=3%"].map(|text| Rule::parse(text).unwrap());
        let of = |kind| {
            let key = SeriesKey { pages: Some(1), ..SeriesKey::total(&export(kind, 1), None) };
            limits_of(&rules, &key).iter().map(|(metric, limit)| format!("{metric}={limit}")).collect::<Vec<_>>()
        };
        assert_eq!(of(Buffer::Wc), ["p50=200 ns", "p99=10 %", "dma_free.p50=3 %"]);
        assert_eq!(of(Buffer::Pages), ["p50=5 %", "p99=10 %"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, at, words) in [
            ("export.wc", 9, "as in p99=5%"),
            ("export.wc p99", 10, "is no limit"),
            ("export.wc p99=fast", 14, "`fast` is no limit"),
            ("export.wc[pages=1] p99=5% dma_fry=3%", 26, "nor a stage"),
            ("exprot p99=5%", 0, "no operation"),
        ] {
            let problem = Rule::parse(text).unwrap_err();
            assert!(problem.at == at && problem.what.contains(words), "{text}: {problem:?}");
        }
    }
}
