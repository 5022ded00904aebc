//! A script in dom0 with the files that it needs.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    guest::{
        in_c,
        job::{Command, Job},
    },
    place,
    platform::MAIN,
};

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
