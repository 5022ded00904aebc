//! What the profiler can measure on a machine, and the obstacles: findings as values, and their text.
//!
//! The collector examines the machine; here is no IO.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use textwrap::{Options, WordSplitter, fill};

use crate::model::HookStatus;
use crate::shown::{Shown, escaped, width};

/// Columns of the text.
const WIDTH: usize = 110;

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Something will be missing from the results.
    Gap,
    /// Nothing can be profiled.
    Blocks,
    /// The machine does not show it.
    Unknown,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gap => "gap",
            Self::Blocks => "BLOCKS",
            Self::Unknown => "unknown",
        }
    }
}

/// One checked property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The checked property.
    pub topic: &'static str,
    /// How good it is.
    pub state: State,
    /// What was found.
    pub fact: String,
    /// What follows from it; `None`: nothing.
    pub consequence: Option<String>,
    /// The remedy; `None`: none is needed or possible.
    pub remedy: Option<String>,
}

impl Finding {
    /// A thing that is as it should be.
    pub fn ok(topic: &'static str, fact: impl Into<String>) -> Self {
        Self { topic, state: State::Ok, fact: fact.into(), consequence: None, remedy: None }
    }

    /// A thing without which something is missing.
    pub fn gap(topic: &'static str, fact: impl Into<String>, consequence: &str, remedy: &str) -> Self {
        Self { state: State::Gap, ..Self::ok(topic, fact) }.with(consequence, remedy)
    }

    /// A thing without which nothing can be profiled.
    pub fn blocks(topic: &'static str, fact: impl Into<String>, remedy: &str) -> Self {
        Self { state: State::Blocks, ..Self::ok(topic, fact) }.with("nothing can be profiled", remedy)
    }

    /// A property that the machine does not show.
    pub fn unknown(topic: &'static str, fact: impl Into<String>) -> Self {
        Self { state: State::Unknown, ..Self::ok(topic, fact) }
    }

    /// What follows, and what to do; empty: nothing.
    pub fn with(self, consequence: &str, remedy: &str) -> Self {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self { consequence: text(consequence), remedy: text(remedy), ..self }
    }
}

/// A hook, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookFinding {
    /// Its name.
    pub hook: &'static str,
    /// `fentry` or `kprobe`; `None`: not attached.
    pub attached_by: Option<String>,
    /// The kernel's function.
    pub symbol: Option<String>,
    /// Why it is not attached.
    pub problem: Option<String>,
    /// What is missing without it.
    pub without: &'static str,
}

impl From<&HookStatus> for HookFinding {
    fn from(status: &HookStatus) -> Self {
        Self {
            hook: status.hook.name(),
            attached_by: status.attached_by.clone(),
            symbol: status.symbol.clone(),
            problem: status.problem.clone(),
            without: status.hook.about(),
        }
    }
}

/// What can be done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything.
    Ready,
    /// Some of it.
    Partial,
    /// Nothing.
    Impossible,
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What can be done here.
    pub verdict: Verdict,
    /// The checked properties; each depends only on those before it.
    pub findings: Vec<Finding>,
    /// Every hook; empty: none was tried.
    pub hooks: Vec<HookFinding>,
}

impl Report {
    /// Draws the conclusion.
    pub fn new(findings: Vec<Finding>, hooks: &[HookStatus]) -> Self {
        let has = |state| findings.iter().any(|finding| finding.state == state);
        let verdict = if has(State::Blocks) {
            Verdict::Impossible
        } else if has(State::Gap) || hooks.iter().any(|hook| hook.attached_by.is_none()) {
            Verdict::Partial
        } else {
            Verdict::Ready
        };
        Self { verdict, findings, hooks: hooks.iter().map(HookFinding::from).collect() }
    }

    /// As a person reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let _ = writeln!(text, "{:<8}{:<15}{}", finding.state.name(), finding.topic, Shown(&finding.fact));
            for (what, words) in [("so", &finding.consequence), ("do", &finding.remedy)] {
                words.iter().for_each(|words| wrapped(&mut text, &format!("{:>23} {what}: ", ""), words));
            }
        }
        self.hooks_text(&mut text);
        text.push_str(match self.verdict {
            Verdict::Ready => "Everything can be profiled here.\n",
            Verdict::Partial => "Some of it can be profiled here: see the gaps.\n",
            Verdict::Impossible => "Nothing can be profiled here: see what blocks it.\n",
        });
        text
    }

    fn hooks_text(&self, text: &mut String) {
        let mut by_means: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for hook in &self.hooks {
            if let Some(means) = &hook.attached_by {
                by_means.entry(means).or_default().push(hook.hook);
            }
        }
        for (means, hooks) in by_means {
            let _ = writeln!(text, "{:<8}{:<15}{} of {} attached by {means}", "ok", "hooks", hooks.len(), self.hooks.len());
            wrapped(text, &format!("{:>24}", ""), &hooks.join(" "));
        }
        for hook in self.hooks.iter().filter(|hook| hook.attached_by.is_none()) {
            let problem = hook.problem.as_deref().unwrap_or("no reason known");
            let _ = writeln!(text, "{:<8}{:<15}{} is not attached", "gap", "hook", hook.hook);
            wrapped(text, &format!("{:>23} because: ", ""), problem);
            wrapped(text, &format!("{:>23} missing: ", ""), hook.without);
        }
    }
}

/// Words behind a label, in lines that fit; the next ones stand below the first.
fn wrapped(text: &mut String, label: &str, words: &str) {
    let words: Vec<_> = words.split_whitespace().map(escaped).collect();
    let indent = " ".repeat(width(label));
    let options = Options::new(WIDTH).initial_indent(label).subsequent_indent(&indent);
    // Names of files and options stay whole, to be copied.
    let options = options.break_words(false).word_splitter(WordSplitter::NoHyphenation);
    let _ = writeln!(text, "{}", fill(&words.join(" "), options));
}

#[cfg(test)]
mod tests {
    use grantscope_wire::HookId;

    use super::*;

    fn hook(hook: HookId, attached_by: Option<&str>) -> HookStatus {
        let problem = attached_by.is_none().then(|| "the kernel has no such function".to_owned());
        HookStatus { hook, attached_by: attached_by.map(str::to_owned), symbol: None, problem }
    }

    #[test]
    fn gaps_say_what_follows_and_what_to_do_and_each_hook_how_it_is_attached() {
        let findings = vec![
            Finding::ok("Xen", "4.17.5; this is dom0"),
            Finding::gap(
                "dma-buf",
                "gntdev has none",
                "no exports can be measured",
                "build the kernel with CONFIG_XEN_GNTDEV_DMABUF",
            ),
            Finding::unknown("free grants", "the kernel does not report it"),
        ];
        let hooks = [
            hook(HookId::GntdevIoctl, Some("fentry")),
            hook(HookId::GntdevMmap, Some("kprobe")),
            hook(HookId::DmaBufExport, None),
        ];
        insta::assert_snapshot!(Report::new(findings, &hooks).text());
    }

    #[test]
    fn the_verdict_is_that_of_the_worst_finding_and_an_unknown_is_none() {
        let verdict = |findings, attached_by| Report::new(findings, &[hook(HookId::GntdevIoctl, attached_by)]).verdict;
        assert_eq!(verdict(vec![Finding::unknown("a", "b")], Some("fentry")), Verdict::Ready);
        assert_eq!(verdict(vec![Finding::ok("a", "b")], None), Verdict::Partial);
        assert_eq!(verdict(vec![Finding::gap("a", "b", "c", "d"), Finding::blocks("a", "b", "c")], None), Verdict::Impossible);
    }
}
