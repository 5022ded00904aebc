//! What of a series is judged: a quantile, of whole operations or of a stage.

use std::fmt;

use grantscope_wire::Stage;

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Of this stage's self time; `None`: of the whole operation.
    pub stage: Option<Stage>,
    /// Which quantile, in (0, 1).
    pub quantile: f64,
}

/// The median of the whole.
pub const MEDIAN: Metric = Metric { stage: None, quantile: 0.5 };

impl Metric {
    /// Reads `p99`, `p99.9`, `dma_free` (its median), `dma_free.p99`.
    ///
    /// # Errors
    /// It is none of these; what there is, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(quantile) = quantile(text) {
            return Ok(Self { stage: None, quantile });
        }
        let (name, rest) = text.split_once('.').unwrap_or((text, "p50"));
        let stage = Stage::ALL.iter().copied().find(|stage| stage.name() == name);
        match (stage, quantile(rest)) {
            (Some(stage), Some(quantile)) => Ok(Self { stage: Some(stage), quantile }),
            (Some(_), None) => Err(format!("`{rest}` is no quantile: expected one between p0 and p100, as in {name}.p99")),
            (None, _) => Err(format!(
                "`{name}` is neither a quantile, as p50, p99 and p99.9 are, nor a stage: docs/results.md lists those"
            )),
        }
    }
}

fn quantile(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_prefix('p')?.parse().ok()?;
    (percent > 0.0 && percent < 100.0).then(|| percent / 100.0)
}

/// As it is read.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 99.9, and not what is left of it in binary.
        let percent = (self.quantile * 1e8).round() / 1e6;
        let text = match self.stage {
            Some(stage) => format!("{}.p{percent}", stage.name()),
            None => format!("p{percent}"),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_written_as_it_is_read() {
        for text in ["p50", "p99", "p99.9", "p99.99", "dma_free.p99", "remainder.p50"] {
            assert_eq!(Metric::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Metric::parse("dma_free").unwrap().to_string(), "dma_free.p50");
        for text in ["", "p", "p0", "p100", "pNaN", "p-1", "dma_fry", "dma_free.q9", "mean"] {
            assert!(Metric::parse(text).is_err(), "{text}");
        }
    }
}
