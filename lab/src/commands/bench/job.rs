//! The lab that measures, and a script in its dom0 with the files that it needs.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};

use crate::{
    boot::{console_watch::End, run::Outcome},
    cache::Cache,
    fetch::Consent,
    guest::{
        in_c,
        job::{Command, Job},
    },
    lab::Lab,
    place,
    platform::{Clock, MAIN, Platform},
    programs, setup,
};

/// The main platform's lab with our programs.
///
/// # Errors
/// When it cannot be set up.
pub fn lab(cache: &Cache, consent: Consent) -> Result<Lab> {
    lab_of(cache, consent, MAIN)
}

/// A platform's lab with our programs.
///
/// # Errors
/// When it cannot be set up.
pub fn lab_of(cache: &Cache, consent: Consent, platform: &'static Platform) -> Result<Lab> {
    let ours = programs::for_lab(&setup::compilers(cache, consent, &[platform])?, platform.architecture)?;
    Lab::new(setup::parts(cache, consent, platform)?, Some(&ours))
}

/// Runs a job on the counted clock to a good end. What it leaves is in `out`; what it said if it failed is printed.
///
/// # Errors
/// When it cannot be run, or fails.
pub fn run(lab: &Lab, job: &Job, patience: Duration, out: &Path) -> Result<Outcome> {
    let outcome = lab.run(job, Clock::Counted, patience, out, &mut ())?;
    if outcome.end != End::Pass {
        eprint!("{}{}", outcome.text("said").unwrap_or_default(), outcome.text("stderr").unwrap_or_default());
        return Err(outcome.error(&out.join("console.log")));
    }
    Ok(outcome)
}

/// What dom0 runs, and what it finds beside it in /job.
pub struct Script<'a> {
    /// The script.
    pub text: &'a str,
    /// Files, by their names and what is in them.
    pub files: &'a [(&'a str, &'a str)],
    /// Programs in C, by the names of their sources in lab/guest.
    pub programs: &'a [&'a str],
}

impl Script<'_> {
    /// As a job. Its files are made in `out`.
    ///
    /// # Errors
    /// When a program does not compile, or a file cannot be written.
    pub fn job(&self, out: &Path) -> Result<Job> {
        Ok(Job::Bare(self.command(out)?))
    }

    /// As a command, which can have more files. Its own are made in `out`.
    ///
    /// # Errors
    /// As [`Script::job`].
    pub fn command(&self, out: &Path) -> Result<Command> {
        const SCRIPT: &str = "script";
        fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        let mut files = Vec::new();
        for (name, text) in [(SCRIPT, self.text)].iter().chain(self.files) {
            let path = out.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            files.push(((*name).to_owned(), path));
        }
        for name in self.programs {
            let path = out.join(name);
            in_c::compile(MAIN.architecture, &place::work_tree().join("lab/guest").join(name).with_extension("c"), &path)?;
            files.push(((*name).to_owned(), path));
        }
        Ok(Command { files, ..Command::inside("/bin/sh", &["/job/script"]) })
    }
}
