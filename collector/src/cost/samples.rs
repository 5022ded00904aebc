//! Measurements of one thing.

/// How many are kept: the newest.
const KEPT: usize = 128;

/// Measurements of one thing, in ns.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    kept: Vec<i64>,
    /// All so far.
    count: usize,
}

impl Samples {
    /// One more.
    pub fn add(&mut self, ns: i64) {
        if self.kept.len() < KEPT {
            self.kept.push(ns);
        } else {
            self.kept[self.count % KEPT] = ns;
        }
        self.count += 1;
    }

    /// How many so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Their mean without the outliers, and how far off it may be, in ps; `None`: there are none.
    ///
    /// An interrupt makes a program seem slow now and then, and nothing makes it seem fast: so more is left out above than below. It is a
    /// mean and no median, because the clock's ticks may be longer than what differs.
    pub fn estimate(&self) -> Option<Estimate> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        let median = *sorted.get(sorted.len() / 2)?;
        let limit = median + (median - sorted[0]).max(median.abs() / 4).max(LEAST_SPREAD_NS);
        let within = &sorted[..sorted.partition_point(|&ns| ns <= limit)];
        let mean = within.iter().map(|&ns| ns as f64).sum::<f64>() / within.len() as f64;
        let variance = within.iter().map(|&ns| (ns as f64 - mean).powi(2)).sum::<f64>() / within.len() as f64;
        let error = (variance / within.len() as f64).sqrt();
        Some(Estimate { ps: mean * 1000.0, error_ps: error * 1000.0 })
    }
}

/// What is no outlier, however alike the others are.
const LEAST_SPREAD_NS: i64 = 50;

/// A mean, and its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// In ps.
    pub ps: f64,
    /// In ps.
    pub error_ps: f64,
}

impl std::ops::Add for Estimate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { ps: self.ps + other.ps, error_ps: self.error_ps.hypot(other.error_ps) }
    }
}

impl std::ops::Sub for Estimate {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { ps: self.ps - other.ps, error_ps: self.error_ps.hypot(other.error_ps) }
    }
}

impl std::ops::Mul<f64> for Estimate {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self { ps: self.ps * factor, error_ps: self.error_ps * factor.abs() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(all: &[i64]) -> Samples {
        let mut samples = Samples::default();
        all.iter().for_each(|&ns| samples.add(ns));
        samples
    }

    #[test]
    fn an_interrupt_now_and_then_changes_nothing() {
        let mut all = vec![100; 60];
        all.extend([116; 20]);
        let quiet = samples(&all).estimate().unwrap();
        assert!((quiet.ps - 104_000.0).abs() < 1.0, "{quiet:?}");
        all.extend([90_000, 5_000, 7_000]);
        assert_eq!(samples(&all).estimate(), Some(quiet));
    }

    #[test]
    fn nothing_measured_is_not_zero() {
        assert_eq!(Samples::default().estimate(), None);
    }

    #[test]
    fn the_newest_are_kept() {
        let mut all = vec![10; KEPT];
        all.extend([20; KEPT]);
        let samples = samples(&all);
        assert_eq!((samples.estimate().unwrap().ps, samples.count()), (20_000.0, 2 * KEPT));
    }
}
