//! The command line, and what its arguments mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::balloon::{Pin, Wanted};
use crate::catalog::Chosen;
use crate::engine::Place;
use crate::peer::Channel;
use crate::plan;
use crate::scenario::{Options, Scenario, Source};
use crate::script::{Given, Scalar};
use crate::truth::Buffer;
use crate::uapi::{DomId, GrantRef};

/// Drive the Xen grant map path, and write down what was done.
///
/// Runs real ioctls on /dev/xen/gntdev, /dev/xen/gntalloc and /dev/udmabuf, under whatever profiler
/// you like, and writes a truth file: every call with its outcome and its duration by this
/// program's own clock. Needs root in a Xen domain.
#[derive(Debug, Parser)]
#[command(version, name = "grantscope-workload", max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario and write its truth file
    ///
    /// Every iteration does all kinds of buffers in a new random order, so that whatever drifts
    /// during a run falls on all of them alike. Everything mapped or granted is undone at the end,
    /// after an error, and on Ctrl-C; the truth file is written in all three cases.
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
        #[arg(value_name = "NAME", value_parser = Chosen::named)]
        scenario: Chosen,
    },
    /// Look at a scenario file without running it
    ///
    /// Every mistake is told with its line and column and with what to write instead. If there is none, it says what the scenario
    /// needs. Nothing is opened, so this works on any machine.
    Check(CheckArgs),
    /// Grant pages to another domain, until SIGTERM
    ///
    /// The pages are each filled with their own number. Their references are listed in a directory page that is granted first, and
    /// in xenstore where this domain has it. It prints one line that says where when all is ready, and takes everything back when it
    /// is told to end.
    Frontend(FrontendArgs),
    /// Undo what is left of runs that were killed, and say what it was
    ///
    /// Every run notes what it changes that would outlive it (a driver's limit, the balloon's target, settings of the kernel's fault
    /// injection, references in xenstore, its truth file) in /run/grantscope, and undoes it at its end. One that is killed (SIGKILL)
    /// cannot: the next run or frontend does it, and this does it without one. What somebody else has changed meanwhile is left as
    /// it is, and so is everything of runs that are still at work.
    Clean,
}

/// What `run` takes.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which scenario: one of `list`, or the path of a file (docs/scenarios.md)
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep", value_parser = Chosen::named)]
    pub scenario: Chosen,

    /// Another value for a parameter of a scenario file; several values make arms
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = setting)]
    pub set: Vec<(String, Vec<Scalar>)>,

    /// Where the truth goes; - is standard output
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

    /// How the peer's frontend tells its references
    #[arg(long, value_enum, value_name = "CHANNEL", default_value_t, requires = "peer")]
    pub channel: Channel,

    /// The directory's reference, which the peer's frontend printed, instead of looking at 8 to 64
    #[arg(long, value_name = "REF", requires = "peer", conflicts_with = "channel")]
    pub directory_ref: Option<GrantRef>,

    /// How long to look for the peer's frontend
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "peer")]
    pub peer_timeout: u64,

    /// Page counts; 2025 is one 1920x1080 frame at 32 bits a pixel
    ///
    /// [default: 1,16,256,2025]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    pub pages: Vec<u32>,

    /// Kinds of buffers; those this kernel cannot make are left out unless named here
    ///
    /// [default: all]
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub buffers: Vec<BufferArg>,

    /// No exports and imports, for kernels without CONFIG_XEN_GNTDEV_DMABUF
    #[arg(long)]
    pub without_dmabuf: bool,

    /// Counted iterations, of programs per page count
    ///
    /// [default: a file's own; 200 up to 64 pages, 100 up to 512, 50 above]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub iterations: Option<u32>,

    /// Iterations before those, marked as warm-up in the truth [default: a file's own; 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub warmup: Option<u32>,

    /// Start every action just after the next multiple of so many milliseconds; 0: at once
    ///
    /// Meanwhile the kernel clears up after the action before. The programs' default is the period of a
    /// 250 Hz tick, so that every action starts at the same distance from one. In a file it is for closed loops' iterations.
    ///
    /// [default: a file's own; 4]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub pause: Option<u32>,

    /// Page counts of the sweep's loopback: foreign memory granted to this domain and exported
    /// [default: 4,64 with the default page counts, else none]
    #[arg(
        long, value_name = "N,…", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub loopback: Option<Vec<u32>>,

    /// Pin the balloon that mapped pages come out of: so many are in it before anything is mapped
    ///
    /// The domain's target is lowered until they are, held there, and put back at the end. `needed` is as many as the scenario maps
    /// at its worst moment. Without: the balloon is as it is, and the first maps may have to blow it up.
    ///
    /// [default: a file's own; not pinned]
    #[arg(long, value_name = "N|needed")]
    pub balloon_pages: Option<Wanted>,

    /// What the order is derived from; the same seed gives the same order [default: a file's own; 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// What `check` takes.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// One of `list` that is a file, or the path of a file
    #[arg(value_name = "NAME|FILE", value_parser = Chosen::named)]
    pub scenario: Chosen,

    /// Another value for a parameter; several values make arms
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = setting)]
    pub set: Vec<(String, Vec<Scalar>)>,
}

/// A parameter's name and its values: numbers where they look like it, else words.
pub fn setting(text: &str) -> Result<(String, Vec<Scalar>), String> {
    let (name, values) = text.split_once('=').ok_or("write it as NAME=VALUE, such as pages=16")?;
    let scalar = |value: &str| match (value, value.parse()) {
        ("", _) => Err("there is an empty value: write it as NAME=VALUE or NAME=VALUE,VALUE".to_owned()),
        (_, Ok(number)) => Ok(Scalar::Number(number)),
        (word, Err(_)) => Ok(Scalar::Word(word.to_owned())),
    };
    Ok((name.to_owned(), values.split(',').map(scalar).collect::<Result<_, _>>()?))
}

/// What `frontend` takes.
#[derive(Debug, Args)]
pub struct FrontendArgs {
    /// The domain that may map them
    #[arg(long, value_name = "DOMID")]
    pub to: DomId,

    /// How many pages
    #[arg(
        long, value_name = "N", default_value_t = 2025,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub pages: u32,

    /// How many pages besides, of a dma-buf that is imported (udmabuf): for scenarios with source = "peer_dmabuf"
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=65_535))]
    pub dmabuf_pages: u32,

    /// How it tells the references
    #[arg(long, value_enum, value_name = "CHANNEL", default_value_t)]
    pub channel: Channel,

    /// Write this side's truth when it ends; - is standard output
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
}

/// A kind of buffer on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BufferArg {
    /// Ordinary pages: map, export, grant
    Pages,
    /// Write-combining memory: export
    Wc,
    /// Coherent memory: export
    Coherent,
    /// Another driver's dma-buf: import
    Foreign,
}

impl From<BufferArg> for Buffer {
    fn from(argument: BufferArg) -> Self {
        match argument {
            BufferArg::Pages => Self::Pages,
            BufferArg::Wc => Self::Wc,
            BufferArg::Coherent => Self::Coherent,
            BufferArg::Foreign => Self::Foreign,
        }
    }
}

impl RunArgs {
    /// What does not go together, and only shows once it is known whether the scenario is a file.
    pub fn misuse(&self) -> Option<String> {
        let for_programs = [
            ("--pages", !self.pages.is_empty()),
            ("--buffers", !self.buffers.is_empty()),
            ("--without-dmabuf", self.without_dmabuf),
            ("--loopback", self.loopback.is_some()),
        ];
        match &self.scenario {
            Chosen::Program(scenario) if !self.set.is_empty() => {
                let name = scenario.name();
                Some(format!("--set is for scenario files, and {name} is a program: use --pages, --buffers and the like"))
            }
            Chosen::Program(scenario)
                if self.balloon_pages == Some(Wanted::Needed) && scenario.maps_at_once(&self.options()).is_none() =>
            {
                let name = scenario.name();
                Some(format!("--balloon-pages needed: how much {name} maps is not known beforehand: give a number"))
            }
            Chosen::Program(_) => None,
            Chosen::Builtin(_) | Chosen::File(_) => {
                let (given, _) = for_programs.into_iter().find(|(_, given)| *given)?;
                Some(format!("{given} is for the scenarios that are programs: a file's parameters are set with --set NAME=VALUE"))
            }
        }
    }

    /// The arguments in the programs' own terms.
    pub fn options(&self) -> Options {
        let all = [Buffer::Pages, Buffer::Wc, Buffer::Coherent, Buffer::Foreign];
        let mut buffers: Vec<Buffer> = Vec::new();
        for buffer in self.buffers.iter().copied().map(Buffer::from) {
            // Twice the same kind is once that kind: an iteration does each exactly once.
            if !buffers.contains(&buffer) {
                buffers.push(buffer);
            }
        }
        let buffers_are_explicit = !buffers.is_empty();
        let pages = if self.pages.is_empty() { plan::DEFAULT_PAGES.to_vec() } else { self.pages.clone() };
        let default_loopback = if pages == plan::DEFAULT_PAGES { plan::DEFAULT_LOOPBACK.to_vec() } else { vec![] };
        Options {
            pages,
            buffers: if buffers_are_explicit { buffers } else { all.to_vec() },
            buffers_are_explicit,
            without_dmabuf: self.without_dmabuf,
            iterations: self.iterations,
            warmup: self.warmup.unwrap_or(plan::DEFAULT_WARMUP),
            pause_ms: self.pause.unwrap_or(plan::DEFAULT_PAUSE_MS),
            loopback: self.loopback.clone().unwrap_or(default_loopback),
            seed: self.seed.unwrap_or(plan::DEFAULT_SEED),
            own: self.domid,
            source: self.source(),
        }
    }

    /// What a program is to have pinned of the balloon. What it takes besides is not known.
    pub fn pin(&self, scenario: Scenario) -> Option<Pin> {
        let needed = || scenario.maps_at_once(&self.options()).unwrap_or(0);
        self.balloon_pages.map(|wanted| Pin { pages: wanted.pages(needed()), beside: 0 })
    }

    /// The arguments in the files' terms.
    pub fn given(&self) -> Given {
        Given {
            set: self.set.clone(),
            peer: self.peer.is_some(),
            iterations: self.iterations,
            warmup: self.warmup,
            seed: self.seed,
            pause_ms: self.pause,
            balloon: self.balloon_pages,
        }
    }

    /// Where a file's scenario is run.
    pub fn place(&self) -> Place {
        Place { own: self.domid, source: self.source() }
    }

    fn source(&self) -> Source {
        match self.peer {
            Some(peer) => {
                let timeout = Duration::from_secs(self.peer_timeout);
                Source::Peer { peer, channel: self.channel, directory: self.directory_ref, timeout }
            }
            None => Source::Own,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    fn run_options(line: &str) -> Options {
        match parse(line).unwrap().command {
            Command::Run(arguments) => arguments.options(),
            other => panic!("{other:?}"),
        }
    }

    fn help(subcommand: Option<&str>) -> String {
        let mut command = Cli::command().term_width(100);
        command.build();
        let command = match subcommand {
            Some(name) => command.find_subcommand_mut(name).unwrap(),
            None => &mut command,
        };
        command.render_long_help().to_string()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_reads_as_it_should() {
        insta::assert_snapshot!(help(None), @r"
        Drive the Xen grant map path, and write down what was done.
        
        Runs real ioctls on /dev/xen/gntdev, /dev/xen/gntalloc and /dev/udmabuf, under whatever profiler you
        like, and writes a truth file: every call with its outcome and its duration by this program's own
        clock. Needs root in a Xen domain.
        
        Usage: grantscope-workload <COMMAND>
        
        Commands:
          run       Run a scenario and write its truth file
          list      List the scenarios
          show      Print a scenario: the file itself, to be read, copied and changed
          check     Look at a scenario file without running it
          frontend  Grant pages to another domain, until SIGTERM
          clean     Undo what is left of runs that were killed, and say what it was
          help      Print this message or the help of the given subcommand(s)
        
        Options:
          -h, --help
                  Print help (see a summary with '-h')
        
          -V, --version
                  Print version
        ");
        insta::assert_snapshot!(help(Some("run")), @r"
        Run a scenario and write its truth file
        
        Every iteration does all kinds of buffers in a new random order, so that whatever drifts
        during a run falls on all of them alike. Everything mapped or granted is undone at the end,
        after an error, and on Ctrl-C; the truth file is written in all three cases.
        
        Examples:
        
          grantscope-workload run --truth truth.json
          grantscope-workload run --peer 1 --pages 2025 --buffers wc,coherent --truth truth.json
        
        Usage: grantscope-workload run [OPTIONS] --truth <FILE>
        
        Options:
              --scenario <NAME|FILE>
                  Which scenario: one of `list`, or the path of a file (docs/scenarios.md)
                  
                  [default: sweep]
        
              --set <NAME=VALUE,…>
                  Another value for a parameter of a scenario file; several values make arms
        
              --truth <FILE>
                  Where the truth goes; - is standard output
        
              --peer <DOMID>
                  Map pages that this domain grants; `frontend` must run there
        
              --self
                  Map pages that this domain grants to itself (the default)
        
              --domid <DOMID>
                  This domain's number
                  
                  [default: 0]
        
              --channel <CHANNEL>
                  How the peer's frontend tells its references
        
                  Possible values:
                  - any:       In every way that there is
                  - directory: By a page that holds nothing but references, which a backend looks for
                  - xenstore:  In xenstore
                  
                  [default: any]
        
              --directory-ref <REF>
                  The directory's reference, which the peer's frontend printed, instead of looking at 8 to
                  64
        
              --peer-timeout <SECONDS>
                  How long to look for the peer's frontend
                  
                  [default: 10]
        
              --pages <N,…>
                  Page counts; 2025 is one 1920x1080 frame at 32 bits a pixel
                  
                  [default: 1,16,256,2025]
        
              --buffers <KIND,…>
                  Kinds of buffers; those this kernel cannot make are left out unless named here
                  
                  [default: all]
        
                  Possible values:
                  - pages:    Ordinary pages: map, export, grant
                  - wc:       Write-combining memory: export
                  - coherent: Coherent memory: export
                  - foreign:  Another driver's dma-buf: import
        
              --without-dmabuf
                  No exports and imports, for kernels without CONFIG_XEN_GNTDEV_DMABUF
        
              --iterations <N>
                  Counted iterations, of programs per page count
                  
                  [default: a file's own; 200 up to 64 pages, 100 up to 512, 50 above]
        
              --warmup <N>
                  Iterations before those, marked as warm-up in the truth [default: a file's own; 5]
        
              --pause <MS>
                  Start every action just after the next multiple of so many milliseconds; 0: at once
                  
                  Meanwhile the kernel clears up after the action before. The programs' default is the
                  period of a 250 Hz tick, so that every action starts at the same distance from one. In a
                  file it is for closed loops' iterations.
                  
                  [default: a file's own; 4]
        
              --loopback <N,…>
                  Page counts of the sweep's loopback: foreign memory granted to this domain and exported
                  [default: 4,64 with the default page counts, else none]
        
              --balloon-pages <N|needed>
                  Pin the balloon that mapped pages come out of: so many are in it before anything is mapped
                  
                  The domain's target is lowered until they are, held there, and put back at the end.
                  `needed` is as many as the scenario maps at its worst moment. Without: the balloon is as
                  it is, and the first maps may have to blow it up.
                  
                  [default: a file's own; not pinned]
        
              --seed <N>
                  What the order is derived from; the same seed gives the same order [default: a file's own;
                  1]
        
          -h, --help
                  Print help (see a summary with '-h')
        ");
        insta::assert_snapshot!(help(Some("show")), @r"
        Print a scenario: the file itself, to be read, copied and changed
        
        Usage: grantscope-workload show <NAME>
        
        Arguments:
          <NAME>
                  Which one; see `list`
        
        Options:
          -h, --help
                  Print help
        ");
        insta::assert_snapshot!(help(Some("check")), @r"
        Look at a scenario file without running it
        
        Every mistake is told with its line and column and with what to write instead. If there is none, it
        says what the scenario needs. Nothing is opened, so this works on any machine.
        
        Usage: grantscope-workload check [OPTIONS] <NAME|FILE>
        
        Arguments:
          <NAME|FILE>
                  One of `list` that is a file, or the path of a file
        
        Options:
              --set <NAME=VALUE,…>
                  Another value for a parameter; several values make arms
        
          -h, --help
                  Print help (see a summary with '-h')
        ");
        insta::assert_snapshot!(help(Some("frontend")), @r#"
        Grant pages to another domain, until SIGTERM
        
        The pages are each filled with their own number. Their references are listed in a directory page
        that is granted first, and in xenstore where this domain has it. It prints one line that says where
        when all is ready, and takes everything back when it is told to end.
        
        Usage: grantscope-workload frontend [OPTIONS] --to <DOMID>
        
        Options:
              --to <DOMID>
                  The domain that may map them
        
              --pages <N>
                  How many pages
                  
                  [default: 2025]
        
              --dmabuf-pages <N>
                  How many pages besides, of a dma-buf that is imported (udmabuf): for scenarios with source
                  = "peer_dmabuf"
                  
                  [default: 0]
        
              --channel <CHANNEL>
                  How it tells the references
        
                  Possible values:
                  - any:       In every way that there is
                  - directory: By a page that holds nothing but references, which a backend looks for
                  - xenstore:  In xenstore
                  
                  [default: any]
        
              --truth <FILE>
                  Write this side's truth when it ends; - is standard output
        
          -h, --help
                  Print help (see a summary with '-h')
        "#);
        insta::assert_snapshot!(help(Some("clean")), @r"
        Undo what is left of runs that were killed, and say what it was
        
        Every run notes what it changes that would outlive it (a driver's limit, the balloon's target,
        settings of the kernel's fault injection, references in xenstore, its truth file) in
        /run/grantscope, and undoes it at its end. One that is killed (SIGKILL) cannot: the next run or
        frontend does it, and this does it without one. What somebody else has changed meanwhile is left as
        it is, and so is everything of runs that are still at work.
        
        Usage: grantscope-workload clean
        
        Options:
          -h, --help
                  Print help (see a summary with '-h')
        ");
    }

    #[test]
    fn the_default_is_the_full_sweep_of_own_pages() {
        let options = run_options("grantscope-workload run --truth t");
        assert_eq!(options.pages, plan::DEFAULT_PAGES);
        assert_eq!(options.loopback, [4, 64]);
        assert_eq!(options.buffers.len(), 4);
        assert!(!options.buffers_are_explicit);
        assert_eq!(options.source, Source::Own);
    }

    #[test]
    fn a_sweep_needs_as_many_pages_in_the_balloon_as_it_maps_at_once() {
        let pinned = |line: &str| match parse(line).unwrap().command {
            Command::Run(arguments) => arguments.pin(Scenario::Sweep).map(|pin| pin.pages),
            other => panic!("{other:?}"),
        };
        assert_eq!(pinned("grantscope-workload run --truth t"), None);
        assert_eq!(pinned("grantscope-workload run --truth t --balloon-pages needed"), Some(2025));
        assert_eq!(pinned("grantscope-workload run --truth t --balloon-pages needed --pages 16,4 --loopback 64"), Some(64));
        assert_eq!(pinned("grantscope-workload run --truth t --balloon-pages 7"), Some(7));
        assert!(parse("grantscope-workload run --truth t --balloon-pages some").is_err());
    }

    #[test]
    fn given_page_counts_bring_no_others_with_them() {
        let options = run_options("grantscope-workload run --peer 1 --pages 16 --buffers wc,wc,pages --truth -");
        assert_eq!(options.pages, [16]);
        assert!(options.loopback.is_empty());
        assert_eq!(options.buffers, [Buffer::Wc, Buffer::Pages]);
        assert!(options.buffers_are_explicit);
    }

    #[test]
    fn a_setting_is_a_number_where_it_looks_like_one_and_several_are_arms() {
        let (name, values) = setting("buffer=wc,coherent").unwrap();
        assert_eq!((name.as_str(), values), ("buffer", vec![Scalar::Word("wc".into()), Scalar::Word("coherent".into())]));
        assert_eq!(setting("pages=16").unwrap().1, [Scalar::Number(16)]);
        assert!(setting("pages=").is_err() && setting("pages=1,,2").is_err());
    }

    #[test]
    fn what_is_for_the_other_kind_of_scenario_is_refused() {
        let misuse = |line: &str| match parse(line).unwrap().command {
            Command::Run(arguments) => arguments.misuse(),
            other => panic!("{other:?}"),
        };
        assert_eq!(misuse("grantscope-workload run --truth t --scenario latency-1 --set pages=2"), None);
        assert_eq!(misuse("grantscope-workload run --truth t --pages 2"), None);
        assert_eq!(misuse("grantscope-workload run --truth t --balloon-pages needed"), None);
        assert_eq!(misuse("grantscope-workload run --truth t --scenario faults --balloon-pages 8"), None);
        insta::assert_snapshot!(misuse("grantscope-workload run --truth t --scenario faults --balloon-pages needed").unwrap(), @"--balloon-pages needed: how much faults maps is not known beforehand: give a number");
        insta::assert_snapshot!(misuse("grantscope-workload run --truth t --set pages=2").unwrap(), @"--set is for scenario files, and sweep is a program: use --pages, --buffers and the like");
        insta::assert_snapshot!(misuse("grantscope-workload run --truth t --scenario x.toml --pages 2").unwrap(), @"--pages is for the scenarios that are programs: a file's parameters are set with --set NAME=VALUE");
    }

    #[test]
    fn wrong_arguments_are_usage_errors_that_name_the_argument() {
        for (line, expected) in [
            (
                "grantscope-workload run --truth t --scenario swep",
                "there are: sweep, copy, refusals, deferred, release-orders, faults",
            ),
            ("grantscope-workload run --truth t --scenario latency-1 --set pages", "write it as NAME=VALUE"),
            ("grantscope-workload show", "<NAME>"),
            ("grantscope-workload run --truth t --pages 0", "0 is not in 1.."),
            ("grantscope-workload run --truth t --pages 16,0", "0 is not in 1.."),
            ("grantscope-workload run --truth t --peer 1 --self", "cannot be used with"),
            ("grantscope-workload run", "--truth <FILE>"),
            ("grantscope-workload run --truth t --buffers uncached", "possible values"),
            ("grantscope-workload frontend --pages 3", "--to <DOMID>"),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(expected), "{line}: {error}");
        }
    }
}
