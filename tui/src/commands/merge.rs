//! `grantscope merge`: recordings and CSVs of many runs, boards and days become one CSV.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueHint};
use grantscope_analysis::merge::{Merged, fingerprint, tag};
use grantscope_analysis::report::export::{Audience, csv, merged};
use grantscope_analysis::runs::Facts;
use grantscope_analysis::runs::csv::{self as runs_csv, Listed};
use grantscope_analysis::series::Wanted;
use grantscope_analysis::shown::{Shown, counted, escaped};
use grantscope_output::{FileId, say};

use crate::commands::export::Table;
use crate::commands::verb::{Example, Verb};
use crate::exit::{self, Exit, Exits};
use crate::options::shown::ShownArgs;
use crate::source::load;
use crate::source::runs::{files, is_table, table};
use crate::source::stream::is_stdin;

/// Make one CSV of recordings and CSVs of many runs, boards and days.
///
/// Runs of the same name, with the same circumstances (kernel, xen, arch, page_size, clock, filter, phase) and the same tags, add
/// up: counts, sums, losses, and histograms bucket by bucket; quantiles are read from the sum, and are never averaged. Others
/// stay rows of their own. What comes out does not depend on the order, and can be merged again.
///
/// --tag gives every RUN tags: columns behind the others (`tag_board`), which travel through later merges. Runs that are to
/// get different tags are merged one after another, and then together.
///
/// A file is read once: given twice it is an error, and two files with the very same operations are a warning. The output is
/// never one of the files that are read.
#[derive(Debug, Parser)]
#[command(name = "merge")]
pub struct Merge {
    /// Recordings, CSVs (named *.csv) as `export`, `bench` and `merge` write them, and folders of recordings; `-`: a recording on
    /// standard input
    #[arg(value_name = "RUN", required = true, value_hint = ValueHint::AnyPath)]
    pub runs: Vec<PathBuf>,

    /// Where it goes. Without, or `-`: standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// What all these runs are called besides their name
    #[arg(long = "tag", value_name = "NAME=VALUE", value_delimiter = ',', value_parser = name_and_value)]
    pub tags: Vec<(String, String)>,

    /// What of recordings is taken; a CSV has what it was exported with.
    #[command(flatten)]
    pub shown: ShownArgs,
}

impl Verb for Merge {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope merge monday.gsr tuesday.csv -o both.csv", ""),
        Example("grantscope merge rcar/recording.gsr -o rcar.csv --tag board=rcar,branch=main", "with tags"),
        Example("grantscope merge rcar.csv imx.csv -o boards.csv", "tags stay"),
        Example("grantscope merge results/ -o all.csv", "all recordings of a folder"),
    ];
    const EXITS: Exits = exit::OF_A_READER;

    fn run(&self) -> Result<Exit> {
        let output = self.output.as_deref().filter(|path| !is_stdin(path));
        // Before anything is read: what cannot be written is known at once.
        let output = output.map(Table::at).transpose()?;
        let tags = self.tags()?;
        let mut inputs = Inputs::default();
        for path in files(&self.runs)? {
            inputs.add(&path, self.shown.into(), &tags)?;
        }
        let mut bytes = Vec::new();
        merged(&inputs.merged, &mut bytes)?;
        match output {
            Some(table) => table.fill(&inputs.files, "one of the files that are read", |draft| Ok(draft.write_all(&bytes)?))?,
            None => io::stdout().lock().write_all(&bytes)?,
        }
        Ok(if inputs.is_whole { Exit::OK } else { Exit::PARTIAL })
    }
}

impl Merge {
    fn tags(&self) -> Result<BTreeMap<String, String>> {
        let mut tags = BTreeMap::new();
        for (name, value) in &self.tags {
            if tags.insert(name.clone(), value.clone()).is_some_and(|other| other != *value) {
                bail!("--tag {name}: is given twice; give it another name");
            }
        }
        Ok(tags)
    }
}

/// What was read so far.
struct Inputs {
    merged: Merged,
    files: Vec<Option<FileId>>,
    /// By what they have in them.
    names: HashMap<u64, PathBuf>,
    is_whole: bool,
}

impl Default for Inputs {
    fn default() -> Self {
        Self { merged: Merged::default(), files: Vec::new(), names: HashMap::new(), is_whole: true }
    }
}

impl Inputs {
    fn add(&mut self, path: &Path, wanted: Wanted, tags: &BTreeMap<String, String>) -> Result<()> {
        let name = path.display().to_string();
        let runs = if is_table(path) { self.table(path, wanted)? } else { self.recording(path, wanted)? };
        if runs.is_empty() {
            bail!("{name}: has no rows, because nothing was recorded; leave it out");
        }
        if let Some(other) = self.names.insert(fingerprint(&runs), path.to_owned()) {
            let other = other.display().to_string();
            say!(
                "grantscope: warning: {} and {} have the very same operations: if they are of one recording, leave one of them out",
                Shown(&other),
                Shown(&name)
            );
        }
        for mut listed in runs {
            tag(&mut listed, tags).with_context(|| name.clone())?;
            self.merged.add(listed).with_context(|| name.clone())?;
        }
        Ok(())
    }

    fn table(&mut self, path: &Path, wanted: Wanted) -> Result<Vec<Listed>> {
        let name = path.display().to_string();
        let (table, file) = table(path, wanted.times)?;
        self.is_new(file, &name)?;
        for column in &table.passed_over {
            say!("grantscope: warning: {}: column {} is none that is merged, and is left out", Shown(&name), Shown(column));
        }
        Ok(table.runs)
    }

    /// Read as its table would be: a recording and its CSV are the same here.
    fn recording(&mut self, path: &Path, wanted: Wanted) -> Result<Vec<Listed>> {
        let name = path.display().to_string();
        let loaded = load::recording(path, wanted)?;
        self.is_new(loaded.file, &name)?;
        self.is_whole &= loaded.report(path) == Exit::OK;
        let marks = loaded.aggregate.marks().count();
        if marks > 0 {
            say!(
                "grantscope: {}: {} left out, because rows are about whole runs; `grantscope export --format marks` writes those of a recording",
                Shown(&name),
                counted(marks, "mark")
            );
        }
        let mut bytes = Vec::new();
        csv::csv(&loaded.aggregate, Audience::Program, &mut bytes).with_context(|| name.clone())?;
        let mut runs = runs_csv::table(&bytes[..]).with_context(|| name)?.runs;
        // What no column says.
        runs.iter_mut().for_each(|listed| listed.run.facts = Facts::of(&loaded.aggregate));
        Ok(runs)
    }

    fn is_new(&mut self, file: Option<FileId>, name: &str) -> Result<()> {
        if file.is_some() && self.files.contains(&file) {
            bail!("{name}: is given twice, also if by another name, and would count twice; give it once");
        }
        self.files.push(file);
        Ok(())
    }
}

/// Longer ones are no names.
const MOST_TAG_BYTES: usize = 256;

/// `board=rcar`.
fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, as in board=rcar")?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return Err(format!("`{name}` is no name of a tag: expected a-z, 0-9 and _"));
    }
    if value.is_empty() || name.len().max(value.len()) > MOST_TAG_BYTES {
        return Err(format!("a tag has a name and a value of 1 to {MOST_TAG_BYTES} bytes"));
    }
    Ok((name.to_owned(), escaped(value).into_owned()))
}
