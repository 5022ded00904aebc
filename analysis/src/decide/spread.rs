//! What several runs say of a difference: how much runs of one side differ from each other.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A bucket is 0.1 % wide at most, and a value anywhere in it.
const BUCKET_VARIANCE: f64 = 0.001 * 0.001 / 12.0;

/// The difference of two sides' logarithms, as runs see it.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    difference: f64,
    error: f64,
    freedom: f64,
}

impl Spread {
    /// Of each run's time. A side of one run is taken to vary as the other does; `None`: none has several.
    pub fn of(base: &[u64], head: &[u64]) -> Option<Self> {
        let sides = [base, head].map(|side| side.iter().map(|&ns| (ns.max(1) as f64).ln()).collect::<Vec<_>>());
        let means = sides.each_ref().map(|side| side.iter().sum::<f64>() / side.len() as f64);
        let known = [0, 1].map(|place| variance(&sides[place], means[place]));
        let either = known[0].or(known[1])?;
        let parts = [0, 1].map(|place| (known[place].unwrap_or(either) + BUCKET_VARIANCE) / sides[place].len() as f64);
        let error = parts[0] + parts[1];
        // Welch's and Satterthwaite's, of the sides that say how much they vary.
        let freedom = match [0, 1].map(|place| known[place].map(|_| (sides[place].len() - 1) as f64)) {
            [Some(base), Some(head)] => error * error / (parts[0] * parts[0] / base + parts[1] * parts[1] / head),
            [one, other] => one.or(other)?,
        };
        Some(Self { difference: means[1] - means[0], error: error.sqrt(), freedom })
    }

    /// The chance that runs differ as they do where head is longer by less than this factor.
    pub fn chance_below(&self, factor: f64) -> f64 {
        self.tail((self.difference - factor.ln()) / self.error)
    }

    /// The chance that runs differ as they do where head is longer by more than this factor.
    pub fn chance_above(&self, factor: f64) -> f64 {
        self.tail((factor.ln() - self.difference) / self.error)
    }

    /// Between which factors head lies to base, with this chance that it does not at either end.
    pub fn interval(&self, chance: f64) -> (f64, f64) {
        let reach = self.error * self.students_t().inverse_cdf(1.0 - chance);
        ((self.difference - reach).exp(), (self.difference + reach).exp())
    }

    fn tail(&self, t: f64) -> f64 {
        self.students_t().sf(t)
    }

    fn students_t(&self) -> StudentsT {
        StudentsT::new(0.0, 1.0, self.freedom.max(1.0)).unwrap_or_else(|error| unreachable!("its scale is 1: {error}"))
    }
}

fn variance(values: &[f64], mean: f64) -> Option<f64> {
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    Some(values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / freedom as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_differ_among_themselves_leave_doubt_about_what_differs_between_sides() {
        let noisy = Spread::of(&[100_000, 130_000, 90_000], &[120_000, 100_000, 140_000]).unwrap();
        let quiet = Spread::of(&[100_000, 100_100, 99_900], &[110_000, 110_200, 109_900]).unwrap();
        assert!(noisy.chance_below(1.0) > 0.1 && quiet.chance_below(1.05) < 1e-4);
        let (low, high) = quiet.interval(0.001);
        assert!(low > 1.08 && high < 1.12, "{low} {high}");
    }

    #[test]
    fn one_run_beside_several_is_taken_to_vary_as_they_do() {
        assert!(Spread::of(&[1_000], &[1_000]).is_none());
        let spread = Spread::of(&[1_000, 1_100, 900], &[1_050]).unwrap();
        let mirrored = Spread::of(&[1_050], &[1_000, 1_100, 900]).unwrap();
        assert!((spread.chance_below(1.0) - mirrored.chance_above(1.0)).abs() < 1e-12);
    }

    #[test]
    fn the_interval_ends_where_the_chance_is_what_was_asked_for() {
        let spread = Spread::of(&[1_000, 1_010, 995, 1_002], &[1_050, 1_049, 1_060, 1_041]).unwrap();
        let (low, high) = spread.interval(0.01);
        assert!((spread.chance_below(low) - 0.01).abs() < 1e-6 && (spread.chance_above(high) - 0.01).abs() < 1e-6);
    }
}
