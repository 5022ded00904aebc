//! Judges a boot by its console: a pure state machine of lines, other signs of life, and the time.
//!
//! One console carries Xen, dom0 and dom1: marked `(XEN) DOM1:`, or by a dom0 that passes on what its guest says. A run is over when the
//! guest gives its verdict, when something on the console shows that no verdict will come, when nothing at all comes for too long, or
//! when the machine ends.

use std::{collections::VecDeque, fmt, time::Duration};

/// How long the console may be silent before the run counts as hung, unless --patience sets another limit. The longest silence of a good boot
/// is a few seconds; a recorder sends a frame every second.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// After the first sign of a crash the console is read for this much longer, to have the trace.
const AFTERMATH: Duration = Duration::from_secs(2);
/// After its verdict the guest has this long to power off.
const POWER_OFF: Duration = Duration::from_secs(20);
/// How many lines of the console a report of a failure shows.
const TAIL: usize = 30;

const VERDICT: &str = "grantscope-lab verdict: ";
const SAYS: &str = "grantscope-lab: ";
const DOM1: &str = "(XEN) DOM1: ";
/// What dom0 puts before the lines of the guest that is profiled (`follow_guest` in lab/guest/init).
const GUEST: &str = "grantscope-lab guest: ";

/// What ends a run early: the text on the console, and what it means.
const FATAL: &[(&str, &str)] = &[
    ("Kernel panic - not syncing", "the kernel panicked"),
    ("Internal error: Oops", "the kernel oopsed"),
    ("Unable to handle kernel", "the kernel made a wrong memory access"),
    ("kernel BUG at", "the kernel hit a BUG()"),
    ("general protection fault", "the kernel made a wrong memory access"),
    ("Oops: ", "the kernel oopsed"),
    ("BUG: ", "the kernel found a bug in itself"),
    ("Out of memory: Killed process", "the domain ran out of memory"),
    ("rcu: INFO: rcu_sched self-detected stall", "a processor is stuck in the kernel"),
    ("rcu: INFO: rcu_preempt self-detected stall", "a processor is stuck in the kernel"),
    ("(XEN) Panic on CPU", "Xen panicked"),
    ("(XEN) Assertion", "an assertion in Xen failed"),
    ("(XEN) Hardware Dom0 crashed", "dom0 crashed"),
    ("(XEN) Hardware Dom0 shutdown: watchdog", "dom0's watchdog fired"),
];

/// What does not end a run, but has to be reported: the kernel complained.
const WARNINGS: &[&str] = &["WARNING: CPU:", "WARNING: possible", "INFO: task "];

/// One of the lab's two domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Mostly the backend, which is profiled; Xen's own lines count as its.
    Dom0,
    /// The frontend.
    Dom1,
    /// The backend, where a guest is profiled.
    Guest,
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dom0 => "dom0",
            Self::Dom1 => "dom1 (the frontend)",
            Self::Guest => "the guest (the backend)",
        })
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The guest's one verdict was "pass", and the machine powered off.
    Pass,
    /// The guest's one verdict was a failure, for this reason.
    Fail(String),
    /// The console showed a crash.
    Crash {
        /// Where.
        domain: Domain,
        /// Its meaning.
        meaning: &'static str,
        /// The line that showed it.
        line: String,
    },
    /// Nothing came for too long.
    Hang {
        /// For how long.
        silent: Duration,
        /// The last progress that a domain reported.
        stage: String,
    },
    /// The machine ended without a verdict.
    NoVerdict {
        /// The last progress that a domain reported.
        stage: String,
    },
    /// A second verdict came.
    TwoVerdicts(String, String),
    /// The verdict came, but the machine did not power off.
    NoPowerOff,
}

impl End {
    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Pass => "the guest's verdict is pass".into(),
            Self::Fail(reason) => format!("the guest's verdict is fail: {reason}"),
            Self::Crash { domain, meaning, line } => format!("in {domain} {meaning}: {line}"),
            Self::Hang { silent, stage } => {
                format!("no output for {} s; the last stage was: {stage}", silent.as_secs())
            }
            Self::NoVerdict { stage } => {
                format!("the machine ended without a verdict; the last stage was: {stage}")
            }
            Self::TwoVerdicts(first, second) => {
                format!("the guest gave two verdicts, {first:?} and {second:?}")
            }
            Self::NoPowerOff => {
                format!("the guest gave its verdict, but did not power off within {} s", POWER_OFF.as_secs())
            }
        }
    }

    /// What to try, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Pass => "nothing to do",
            Self::Fail(_) => "see the program's error output above; `cargo xtask lab shell` gives a dom0 to try it by hand",
            Self::Crash { domain: Domain::Dom0 | Domain::Guest, .. } => {
                "the trace in console.log names the function; vmlinux with its line numbers lies beside a kernel that was built here, in the cache"
            }
            Self::Crash { domain: Domain::Dom1, .. } => {
                "the frontend's side is broken: the lines marked DOM1 in console.log show it"
            }
            Self::Hang { .. } => {
                "a program that is silent on purpose needs a longer --patience; else try --clock wall, or the steps by hand in `cargo xtask lab shell`"
            }
            Self::NoVerdict { .. } => "the end of console.log shows who ended it; run again, and try --clock wall if it repeats",
            Self::TwoVerdicts(..) => "only /init may print verdicts: something in the job writes them too",
            Self::NoPowerOff => "a program or a driver blocks the power-off: the end of console.log shows what",
        }
    }
}

/// The state of the judgement.
#[derive(Debug)]
pub struct ConsoleWatch {
    timeout: Duration,
    last_life: Duration,
    stage: String,
    verdict: Option<(Duration, String)>,
    crash: Option<(Duration, End)>,
    warnings: Vec<String>,
    tail: VecDeque<String>,
}

impl ConsoleWatch {
    /// Starts watching; times are counted from the start of the run.
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            last_life: Duration::ZERO,
            stage: "no domain has said anything yet".into(),
            verdict: None,
            crash: None,
            warnings: Vec::new(),
            tail: VecDeque::new(),
        }
    }

    /// Takes a line of the console. Gives the end if the run is over with it.
    pub fn line(&mut self, now: Duration, line: &str) -> Option<End> {
        self.last_life = now;
        let line = line.trim_end();
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
        let of = |marker: &str, domain: Domain| line.split_once(marker).map(|(_, said)| (domain, said));
        let (domain, said) = of(DOM1, Domain::Dom1).or_else(|| of(GUEST, Domain::Guest)).unwrap_or((Domain::Dom0, line));
        if let Some((_, reason)) = said.split_once(VERDICT) {
            return self.take_verdict(now, reason);
        }
        if let Some((_, stage)) = said.split_once(SAYS) {
            self.stage = format!("{domain}: {stage}");
        }
        if WARNINGS.iter().any(|text| said.contains(text)) {
            self.warnings.push(line.to_owned());
        }
        if self.crash.is_none()
            && let Some((_, meaning)) = FATAL.iter().find(|(text, _)| said.contains(text))
        {
            let line = said.trim().to_owned();
            self.crash = Some((now, End::Crash { domain, meaning, line }));
        }
        None
    }

    /// Takes another sign of life, such as bytes of a recording.
    pub fn life(&mut self, now: Duration) {
        self.last_life = now;
    }

    /// Takes the time. Gives the end if the run is over by it.
    pub fn tick(&mut self, now: Duration) -> Option<End> {
        if let Some((at, end)) = &self.crash {
            return (now.saturating_sub(*at) >= AFTERMATH).then(|| end.clone());
        }
        if let Some((at, _)) = &self.verdict {
            return (now.saturating_sub(*at) >= POWER_OFF).then_some(End::NoPowerOff);
        }
        let silent = now.saturating_sub(self.last_life);
        (silent >= self.timeout).then(|| End::Hang { silent, stage: self.stage.clone() })
    }

    /// Says that the machine ended, and gives the judgement.
    pub fn machine_ended(self) -> End {
        match (self.crash, self.verdict) {
            (Some((_, end)), _) => end,
            (None, None) => End::NoVerdict { stage: self.stage },
            (None, Some((_, verdict))) => match verdict.strip_prefix("fail: ") {
                Some(reason) => End::Fail(reason.into()),
                None if verdict == "pass" => End::Pass,
                None => End::Fail(format!("unknown verdict {verdict:?}")),
            },
        }
    }

    /// The last progress that a domain reported.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// The kernel's complaints that did not end the run.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The last lines of the console.
    pub fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    fn take_verdict(&mut self, now: Duration, verdict: &str) -> Option<End> {
        let verdict = verdict.trim().to_owned();
        match &self.verdict {
            Some((_, first)) => Some(End::TwoVerdicts(first.clone(), verdict)),
            None => {
                self.verdict = Some((now, verdict));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Feeds the lines one second apart, lets the machine end, and gives how the run ended.
    fn end_of(console: &str) -> End {
        let mut watch = ConsoleWatch::new(TIMEOUT);
        for (at, line) in console.lines().enumerate() {
            let now = seconds(at as u64);
            if let Some(end) = watch.line(now, line).or_else(|| watch.tick(now)) {
                return end;
            }
        }
        watch.machine_ended()
    }

    /// Console text of a real run, shortened.
    const GOOD: &str = "\
(XEN) *** LOADING DOMAIN 0 ***
(XEN) DOM1: [    0.539296] grantscope-lab: frontend up
[    0.540629] grantscope-lab: backend up
[    0.656373] grantscope-lab: job starts
[    0.678564] grantscope-lab: job ended with status 0
[    0.684100] grantscope-lab verdict: pass
[    0.685423] reboot: Power down
(XEN) Hardware Dom0 halted: halting machine";

    #[test]
    fn a_good_run_passes() {
        assert_eq!(end_of(GOOD), End::Pass);
    }

    #[test]
    fn a_verdict_of_failure_gives_its_reason() {
        let console = GOOD.replace("pass", "fail: the job exited with status 3");
        assert_eq!(end_of(&console), End::Fail("the job exited with status 3".into()));
    }

    #[test]
    fn a_verdict_that_is_neither_pass_nor_fail_is_a_failure() {
        assert!(matches!(end_of(&GOOD.replace("pass", "passed")), End::Fail(_)));
    }

    #[test]
    fn an_end_without_a_verdict_is_a_failure_that_names_the_last_stage() {
        let console = GOOD.replace("grantscope-lab verdict: pass", "");
        let End::NoVerdict { stage } = end_of(&console) else { panic!() };
        assert_eq!(stage, "dom0: job ended with status 0");
    }

    #[test]
    fn two_verdicts_are_a_failure_even_if_both_say_pass() {
        let console = GOOD.replace("reboot: Power down", "grantscope-lab verdict: pass");
        assert_eq!(end_of(&console), End::TwoVerdicts("pass".into(), "pass".into()));
    }

    #[test]
    fn a_panic_ends_the_run_with_its_line_and_two_seconds_of_trace() {
        let mut watch = ConsoleWatch::new(TIMEOUT);
        watch.line(seconds(1), "[    1.0] Kernel panic - not syncing: sysrq triggered crash\r");
        assert_eq!(watch.tick(seconds(2)), None, "the trace is still coming");
        watch.line(seconds(2), "[    1.1] Call trace:");
        let Some(End::Crash { domain, line, .. }) = watch.tick(seconds(3)) else { panic!() };
        assert_eq!(domain, Domain::Dom0);
        assert_eq!(line, "[    1.0] Kernel panic - not syncing: sysrq triggered crash");
        assert_eq!(watch.tail().last().unwrap(), "[    1.1] Call trace:");
    }

    #[test]
    fn a_crash_outweighs_a_verdict_of_pass() {
        let console = GOOD.replace("job starts", "BUG: Bad page state in process x");
        assert!(matches!(end_of(&console), End::Crash { .. }));
    }

    #[test]
    fn a_crash_in_dom1_is_distinguished_from_one_in_dom0() {
        let console = "(XEN) DOM1: [  1.0] Internal error: Oops: 0000000096000004 [#1] SMP";
        let End::Crash { domain, meaning, .. } = end_of(console) else { panic!() };
        assert_eq!((domain, meaning), (Domain::Dom1, "the kernel oopsed"));
    }

    #[test]
    fn what_dom0_passes_on_of_its_guest_is_the_guests() {
        let console = "[  9.1] grantscope-lab guest: [  1.0] Kernel panic - not syncing: sysrq triggered crash";
        assert!(matches!(end_of(console), End::Crash { domain: Domain::Guest, meaning: "the kernel panicked", .. }));
        let End::NoVerdict { stage } = end_of("[  9.1] grantscope-lab guest: [  0.5] grantscope-lab: job starts") else {
            panic!()
        };
        assert_eq!(stage, "the guest (the backend): job starts");
    }

    #[test]
    fn xens_own_panic_is_seen() {
        assert!(matches!(end_of("(XEN) Panic on CPU 0:"), End::Crash { meaning: "Xen panicked", .. }));
    }

    #[test]
    fn silence_is_a_hang_and_any_sign_of_life_puts_it_off() {
        let mut watch = ConsoleWatch::new(seconds(60));
        watch.line(seconds(5), "[    0.5] grantscope-lab: backend up");
        assert_eq!(watch.tick(seconds(64)), None);
        watch.life(seconds(64));
        assert_eq!(watch.tick(seconds(123)), None);
        let Some(End::Hang { silent, stage }) = watch.tick(seconds(124)) else { panic!() };
        assert_eq!((silent, &*stage), (seconds(60), "dom0: backend up"));
    }

    #[test]
    fn a_machine_that_stays_on_after_its_verdict_is_a_failure() {
        let mut watch = ConsoleWatch::new(TIMEOUT);
        watch.line(seconds(1), "[    0.6] grantscope-lab verdict: pass");
        assert_eq!(watch.tick(seconds(20)), None);
        assert_eq!(watch.tick(seconds(21)), Some(End::NoPowerOff));
    }

    #[test]
    fn a_kernel_warning_is_kept_and_does_not_end_the_run() {
        let mut watch = ConsoleWatch::new(TIMEOUT);
        watch.line(seconds(1), "[    0.6] WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:4659");
        assert_eq!(watch.tick(seconds(5)), None);
        assert_eq!(watch.warnings().len(), 1);
    }

    #[test]
    fn the_tail_is_the_end_of_the_console() {
        let mut watch = ConsoleWatch::new(TIMEOUT);
        for number in 0..TAIL + 5 {
            watch.line(seconds(1), &number.to_string());
        }
        assert_eq!(watch.tail().first().unwrap(), "5");
        assert_eq!(watch.tail().len(), TAIL);
    }
}
