//! The options of the view as plain text.

use std::time::Duration;

use clap::Args;

use crate::screen::until::Reports;

/// More often nobody reads them.
const LEAST: Duration = Duration::from_millis(100);
/// A day.
const MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// The view as plain text.
#[derive(Args, Clone, Copy, Debug)]
pub struct ReportArgs {
    /// Print the same facts as lines of text, also on a terminal: for logs, screen readers and terminals that cannot move their cursor
    #[arg(long)]
    pub no_tui: bool,

    /// Between two reports of that text, such as 10s or 500ms
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub interval: Duration,
}

impl From<ReportArgs> for Reports {
    fn from(args: ReportArgs) -> Self {
        Self { are_wanted: args.no_tui, interval: args.interval }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(interval) if (LEAST..=MOST).contains(&interval) => Ok(interval),
        Ok(_) => Err("give a time from 100ms to 24h".to_owned()),
        Err(error) => Err(format!("{error}; give a time such as 10s or 500ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_neither_nothing_nor_forever() {
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["0s", "99ms", "25h", "10", "soon"] {
            assert!(interval(wrong).unwrap_err().contains("give a time"), "{wrong}");
        }
    }
}
