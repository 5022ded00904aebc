//! The command line, and what its arguments mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use grantscope_conformance::Options;
use grantscope_generator::balloon::{Pin, Wanted};
use grantscope_generator::engine::{Place, Source};
use grantscope_generator::peer::Channel;
use grantscope_generator::script::{Given, Scalar};
use grantscope_generator::truth::Buffer;
use grantscope_generator::uapi::{DomId, GrantRef};

use crate::catalog::Chosen;

/// Drive the Xen grant map path, and record every call in a truth file.
///
/// Runs real ioctls on /dev/xen/gntdev, /dev/xen/gntalloc and /dev/udmabuf, under whatever profiler
/// you like, and writes a truth file: every call with its outcome and its duration by this
/// program's own clock. Needs root in a Xen domain.
#[derive(Debug, Parser)]
#[command(version, name = "grantscope-workload", max_term_width = 100)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario and write its truth file
    ///
    /// Every iteration runs all kinds of buffers in a new random order, so that a drift during a
    /// run affects all of them alike. Everything mapped or granted is undone at the end, after an
    /// error, and on Ctrl-C; the truth file is written in all three cases.
    ///
    /// Examples:
    ///
    ///   grantscope-workload run --truth truth.json
    ///   grantscope-workload run --peer 1 --pages 2025 --buffers wc,coherent --truth truth.json
    #[command(verbatim_doc_comment)]
    Run(RunArgs),
    /// List the scenarios
    List,
    /// Print a scenario: the file itself, to be read, copied and changed
    Show {
        /// Which one; see `list`
        #[arg(value_name = "NAME", value_parser = OsStringValueParser::new().try_map(Chosen::named))]
        scenario: Chosen,
    },
    /// Check a scenario file without running it
    ///
    /// Every mistake is reported with its line, its column and the remedy. If there is none, the command prints what the scenario
    /// needs. Nothing is opened, so this works on any machine.
    Check(CheckArgs),
    /// Grant pages to another domain, until SIGTERM
    ///
    /// Each page is filled with its own number. The references are listed in a directory page that is granted first,
    /// and in xenstore if it is available. When all is ready, the command prints one line with their place. At
    /// SIGTERM or Ctrl-C it revokes everything and ends.
    Frontend(FrontendArgs),
    /// Undo and list what killed runs left
    ///
    /// Every run notes what it changes that would outlive it (a driver's limit, the balloon's target, settings of the
    /// kernel's fault injection, references in xenstore, its truth file) in /run/grantscope, and undoes it at its
    /// end. A run that is killed (SIGKILL) cannot; the next run or frontend does so, or this command. A value that
    /// another program has changed meanwhile is left as it is, and so are the changes of runs that are still at work.
    /// Notes that others can have written are refused, and named.
    Clean,
}

/// The sweep's page counts, and the conformance tests'; 2,025 is one 1920×1080 frame at 32 bits a pixel.
const DEFAULT_PAGES: [u32; 4] = [1, 16, 256, 2025];

/// The default seed.
pub const DEFAULT_SEED: u64 = 1;

/// The arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which scenario: one of `list`, or the path of a file (docs/scenarios.md)
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep", value_parser = OsStringValueParser::new().try_map(Chosen::named))]
    pub scenario: Chosen,

    /// Another value for a parameter of a scenario file; several values make arms
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = Given::setting)]
    pub set: Vec<(String, Vec<Scalar>)>,

    /// The truth file; - is standard output. A file that is there keeps its mode and owner
    #[arg(long, value_name = "FILE")]
    pub truth: PathBuf,

    /// Map pages that this domain grants; `frontend` must run there
    #[arg(long, value_name = "DOMID", conflicts_with = "own_pages")]
    pub peer: Option<DomId>,

    /// Map pages that this domain grants to itself (the default)
    #[arg(long = "self")]
    pub own_pages: bool,

    /// This domain's number
    #[arg(long, value_name = "DOMID", default_value_t = 0)]
    pub domid: DomId,

    /// How the peer's frontend publishes its references
    #[arg(long, value_enum, value_name = "CHANNEL", default_value_t, requires = "peer")]
    pub channel: Channel,

    /// The directory's reference, which the peer's frontend printed, instead of a search from 8 to 64
    #[arg(long, value_name = "REF", requires = "peer", conflicts_with = "channel")]
    pub directory_ref: Option<GrantRef>,

    /// Timeout of the search for the peer's frontend
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "peer")]
    pub peer_timeout: u64,

    /// Page counts, as --set pages=N,…; 2025 is one 1920x1080 frame at 32 bits a pixel
    ///
    /// [default: a file's own; 1,16,256,2025]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    pub pages: Vec<u32>,

    /// Kinds of buffers: other actions are left out, and so are kinds that this kernel does not support, unless they
    /// are named here
    ///
    /// [default: all]
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub buffers: Vec<Buffer>,

    /// No exports and imports, for kernels without CONFIG_XEN_GNTDEV_DMABUF
    #[arg(long)]
    pub without_dmabuf: bool,

    /// Counted iterations, in every arm [default: the scenario's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub iterations: Option<u32>,

    /// Iterations before those, marked as warm-up in the truth [default: a file's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub warmup: Option<u32>,

    /// Start every action, or every iteration without actions, just after the next multiple of MS milliseconds; 0: no pause
    ///
    /// During the pause the kernel finishes its cleanup of the one before. The sweep has 4, the period of a 250 Hz
    /// tick, so that every action starts at the same distance from a tick. For closed loops only.
    ///
    /// [default: a file's own]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub pause: Option<u32>,

    /// Page counts of the sweep's loopback: foreign memory granted to this domain and exported
    /// [default: 4,64 with the default page counts, else none]
    #[arg(
        long, value_name = "N,…", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub loopback: Option<Vec<u32>>,

    /// Pin the balloon that provides mapped pages: keep N pages in it before anything is mapped
    ///
    /// The domain's memory target is lowered until N pages are in the balloon, held there, and restored at the end.
    /// `needed` is the peak number of pages that the scenario maps. Without this option the balloon is not changed,
    /// and the first maps may have to inflate it.
    ///
    /// [default: a file's own; not pinned]
    #[arg(long, value_name = "N|needed")]
    pub balloon_pages: Option<Wanted>,

    /// Seed of the random order; the same seed gives the same order [default: a file's own; 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// One of `list` that is a file, or the path of a file
    #[arg(value_name = "NAME|FILE", value_parser = OsStringValueParser::new().try_map(Chosen::named))]
    pub scenario: Chosen,

    /// Another value for a parameter; several values make arms
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = Given::setting)]
    pub set: Vec<(String, Vec<Scalar>)>,
}

/// The arguments of `frontend`.
#[derive(Debug, Args)]
pub struct FrontendArgs {
    /// The domain that may map them
    #[arg(long, value_name = "DOMID")]
    pub to: DomId,

    /// Number of pages
    #[arg(
        long, value_name = "N", default_value_t = 2025,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub pages: u32,

    /// Further pages, of a dma-buf that is imported (udmabuf): for scenarios with source = "peer_dmabuf"
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=65_535))]
    pub dmabuf_pages: u32,

    /// How it publishes the references
    #[arg(long, value_enum, value_name = "CHANNEL", default_value_t)]
    pub channel: Channel,

    /// Write this side's truth when it ends; - is standard output
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
}

impl RunArgs {
    /// Conflicts between options that show only once it is known whether the scenario is a file.
    pub fn misuse(&self) -> Option<String> {
        let Chosen::Test(test) = &self.scenario else { return None };
        let name = test.name();
        if !self.set.is_empty() {
            return Some(format!("--set is for scenario files, and {name} is a program: use --pages, --buffers and the like"));
        }
        let needed = self.balloon_pages == Some(Wanted::Needed);
        needed.then(|| format!("--balloon-pages needed: how much {name} maps is not known beforehand: give a number"))
    }

    /// The kinds that are asked for by name. Twice the same kind is once that kind.
    fn kinds(&self) -> Vec<Buffer> {
        let mut kinds: Vec<Buffer> = Vec::new();
        for &buffer in &self.buffers {
            if !kinds.contains(&buffer) {
                kinds.push(buffer);
            }
        }
        kinds
    }

    /// The arguments in the conformance tests' terms.
    pub fn options(&self) -> Options {
        let kinds = self.kinds();
        let all = [Buffer::Pages, Buffer::Wc, Buffer::Coherent, Buffer::Foreign];
        Options {
            pages: if self.pages.is_empty() { DEFAULT_PAGES.to_vec() } else { self.pages.clone() },
            buffers_are_explicit: !kinds.is_empty(),
            buffers: if kinds.is_empty() { all.to_vec() } else { kinds },
            without_dmabuf: self.without_dmabuf,
            iterations: self.iterations,
            place: self.place(),
        }
    }

    /// What a conformance test is to have pinned of the balloon. What it takes besides is not known.
    pub fn pin(&self) -> Option<Pin> {
        self.balloon_pages.map(|wanted| Pin { pages: wanted.pages(0), beside: 0 })
    }

    /// The arguments in the files' terms.
    pub fn given(&self) -> Given {
        let numbers = |all: &[u32]| all.iter().map(|number| Scalar::Number((*number).into())).collect::<Vec<_>>();
        let mut set = self.set.clone();
        if !self.pages.is_empty() {
            set.push(("pages".to_owned(), numbers(&self.pages)));
        }
        let other_pages = !self.pages.is_empty() && self.pages != DEFAULT_PAGES;
        match &self.loopback {
            Some(loopback) => set.push(("loopback".to_owned(), numbers(loopback))),
            // Page counts that were given bring no others with them.
            None if other_pages => set.push(("loopback".to_owned(), vec![])),
            None => {}
        }
        Given {
            set,
            kinds: self.kinds(),
            without_dmabuf: self.without_dmabuf,
            peer: self.peer.is_some(),
            iterations: self.iterations,
            warmup: self.warmup,
            seed: self.seed,
            pause_ms: self.pause,
            balloon: self.balloon_pages,
        }
    }

    /// Where the scenario is run.
    pub fn place(&self) -> Place {
        let source = match self.peer {
            Some(peer) => {
                let timeout = Duration::from_secs(self.peer_timeout);
                Source::Peer { peer, channel: self.channel, directory: self.directory_ref, timeout }
            }
            None => Source::Own,
        };
        Place { own: self.domid, source }
    }
}

#[cfg(test)]
mod tests;
