//! `grantscope doctor`: what can be profiled on this machine, and what to do about the rest.

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::Parser;
use grantscope_analysis::model::AttachMode;
use grantscope_analysis::report::text::doctor::Verdict;
use grantscope_analysis::shown;

use crate::commands::verb::{Example, Verb};
use crate::exit::{Code, Exit, Exits};
use crate::options::capture::ATTACH_MODES;
use crate::options::format::ReportFormat;
use crate::this_machine;

/// Say what can be profiled on this machine, and what to do about the rest.
///
/// Looks at Xen, the drivers, the kernel's BTF and limits, and what it hides, and tries every hook. Nothing is recorded,
/// and nothing stays attached. Needs what `record` needs, and says which of it is missing.
#[derive(Debug, Parser)]
#[command(name = "doctor")]
pub struct Doctor {
    /// Format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,

    /// Attach mode of the probes
    #[arg(long, value_name = "MODE", value_parser = ATTACH_MODES, default_value = AttachMode::Best.name())]
    pub attach: AttachMode,
}

impl Verb for Doctor {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope doctor", "one screen for a person"),
        Example("grantscope doctor --format json | jq .verdict", "for a script"),
    ];
    const EXITS: Exits = &[
        (Code::Done, Some("everything can be profiled")),
        (Code::Error, Some("nothing can be profiled")),
        (Code::Usage, None),
        (Code::Partial, Some("some of it can be profiled")),
    ];

    fn run(&self) -> Result<Exit> {
        let report = this_machine::examine(self.attach)?;
        let text = match self.format {
            ReportFormat::Text => report.text(),
            ReportFormat::Json => shown::json(&report).context("the report cannot be written as JSON")? + "\n",
        };
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(match report.verdict {
            Verdict::Ready => Exit::OK,
            Verdict::Partial => Exit::PARTIAL,
            Verdict::Impossible => Exit::IMPOSSIBLE,
        })
    }
}
