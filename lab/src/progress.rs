//! Progress of long steps: a bar on a terminal, else a plain line every few seconds.

use std::{
    io::IsTerminal,
    sync::Mutex,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Without a terminal, a line at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Before this share is done, no remaining time is guessed.
const GUESS_FROM: f64 = 0.05;

/// One step on the way, which ends by [`Step::done`]; dropped before, it says that it stopped.
#[derive(Debug)]
pub struct Step {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    position: u64,
    total: Option<u64>,
    unit: &'static str,
    note: String,
    shown: Option<Instant>,
    done: bool,
}

impl Step {
    /// Starts a step of unknown length.
    pub fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style("{spinner} {prefix}  {elapsed}  {wide_msg}"));
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() {
            eprintln!("{name} ...");
        }
        Self { name, started: Instant::now(), bar, state: Mutex::default() }
    }

    /// Sets the number of units of work, once it is known.
    pub fn set_total(&self, total: u64, unit: &'static str) {
        {
            let mut state = self.state();
            (state.total, state.unit) = (Some(total), unit);
        }
        if let Some(bar) = &self.bar {
            bar.set_style(style("  {prefix}  [{bar:30}] {percent:>3} %  {elapsed}, {eta} left  {wide_msg}"));
            bar.set_length(total);
        }
    }

    /// Sets the number of units that are done.
    pub fn set_position(&self, position: u64) {
        self.state().position = position;
        match &self.bar {
            Some(bar) => bar.set_position(position),
            None => self.maybe_line(),
        }
    }

    /// Shows the current item.
    pub fn note(&self, note: &str) {
        self.state().note = note.trim().into();
        match &self.bar {
            Some(bar) => bar.set_message(note.trim().to_owned()),
            None => self.maybe_line(),
        }
    }

    /// Ends the step, with a few words on what came of it.
    pub fn done(self, outcome: &str) {
        self.state().done = true;
        let outcome = if outcome.is_empty() { "done" } else { outcome };
        self.close(&format!("{}: {outcome} ({})", self.name, spell(self.started.elapsed())));
    }

    /// Takes the step off the screen without a word, when something else takes the screen over.
    pub fn vanish(self) {
        self.state().done = true;
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn close(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{line}");
    }

    fn maybe_line(&self) {
        let now = Instant::now();
        let mut state = self.state();
        if now - state.shown.unwrap_or(self.started) >= LINE_EVERY {
            state.shown = Some(now);
            eprintln!("{}", plain_line(&self.name, &state, now - self.started));
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.state().done {
            self.close(&format!("{}: stopped after {}", self.name, spell(self.started.elapsed())));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant").progress_chars("=> ")
}

fn plain_line(name: &str, state: &State, elapsed: Duration) -> String {
    let note = if state.note.is_empty() { String::new() } else { format!("  {}", state.note) };
    let Some(total) = state.total.filter(|&total| total > 0) else {
        return format!("{name}: {}{note}", spell(elapsed));
    };
    let share = state.position as f64 / total as f64;
    let left = match share {
        share if share >= GUESS_FROM => {
            let left = elapsed.as_secs_f64() * (1.0 - share).max(0.0) / share;
            format!(", about {} left", spell(Duration::from_secs_f64(left)))
        }
        _ => String::new(),
    };
    format!("{name}: {:.0} % ({} of {total} {}), {}{left}{note}", 100.0 * share, state.position, state.unit, spell(elapsed))
}

/// A duration for people: `0.4 s`, `12 s`, `4 min 05 s`.
pub fn spell(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(position: u64, total: Option<u64>, note: &str) -> String {
        let state = State { position, total, unit: "steps", note: note.into(), ..State::default() };
        plain_line("kernel", &state, Duration::from_secs(60))
    }

    #[test]
    fn a_plain_line_says_share_count_time_and_what_is_left() {
        assert_eq!(
            line(250, Some(1000), "CC mm/slub.o"),
            "kernel: 25 % (250 of 1000 steps), 1 min 00 s, about 3 min 00 s left  CC mm/slub.o"
        );
    }

    #[test]
    fn nothing_is_guessed_from_the_first_few_steps() {
        assert_eq!(line(10, Some(1000), ""), "kernel: 1 % (10 of 1000 steps), 1 min 00 s");
    }

    #[test]
    fn an_unknown_total_gives_the_time_alone() {
        assert_eq!(line(10, None, ""), "kernel: 1 min 00 s");
    }

    #[test]
    fn durations_are_spelled_for_people() {
        let spelled = [0.44, 9.0, 12.3, 245.0].map(|seconds| spell(Duration::from_secs_f64(seconds)));
        assert_eq!(spelled, ["0.4 s", "9.0 s", "12 s", "4 min 05 s"]);
    }
}
