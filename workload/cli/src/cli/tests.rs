//! What the arguments mean, and how help reads.

use clap::CommandFactory;
use grantscope_generator::script::{Missing, Plan, Turns};

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

fn run_args(line: &str) -> RunArgs {
    match parse(line).unwrap().command {
        Command::Run(arguments) => arguments,
        other => panic!("{other:?}"),
    }
}

/// The plan of a scenario file that is part of the generator.
fn plan(line: &str) -> Plan {
    let arguments = run_args(line);
    let (name, text) = arguments.scenario.file().unwrap().unwrap();
    Plan::read(&name, &text, &arguments.given()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn arms(line: &str) -> Vec<String> {
    plan(line).arms.into_iter().map(|arm| arm.name).collect()
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
    Drive the Xen grant map path, and record every call in a truth file.
    
    Runs real ioctls on /dev/xen/gntdev, /dev/xen/gntalloc and /dev/udmabuf, under whatever profiler you
    like, and writes a truth file: every call with its outcome and its duration by this program's own
    clock. Needs root in a Xen domain.
    
    Usage: grantscope-workload <COMMAND>
    
    Commands:
      run       Run a scenario and write its truth file
      list      List the scenarios
      show      Print a scenario: the file itself, to be read, copied and changed
      check     Check a scenario file without running it
      frontend  Grant pages to another domain, until SIGTERM
      clean     Undo and list what killed runs left
      help      Print this message or the help of the given subcommand(s)
    
    Options:
      -h, --help
              Print help (see a summary with '-h')
    
      -V, --version
              Print version
    ");
    insta::assert_snapshot!(help(Some("run")), @r"
    Run a scenario and write its truth file
    
    Every iteration runs all kinds of buffers in a new random order, so that a drift during a
    run affects all of them alike. Everything mapped or granted is undone at the end, after an
    error, and on Ctrl-C; the truth file is written in all three cases.
    
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
              The truth file; - is standard output. A file that is there keeps its mode and owner
    
          --peer <DOMID>
              Map pages that this domain grants; `frontend` must run there
    
          --self
              Map pages that this domain grants to itself (the default)
    
          --domid <DOMID>
              This domain's number
              
              [default: 0]
    
          --channel <CHANNEL>
              How the peer's frontend publishes its references
    
              Possible values:
              - any:       In every way that there is
              - directory: By a page that holds nothing but references, which a backend looks for
              - xenstore:  In xenstore
              
              [default: any]
    
          --directory-ref <REF>
              The directory's reference, which the peer's frontend printed, instead of a search from 8
              to 64
    
          --peer-timeout <SECONDS>
              Timeout of the search for the peer's frontend
              
              [default: 10]
    
          --pages <N,…>
              Page counts, as --set pages=N,…; 2025 is one 1920x1080 frame at 32 bits a pixel
              
              [default: a file's own; 1,16,256,2025]
    
          --buffers <KIND,…>
              Kinds of buffers: other actions are left out, and so are kinds that this kernel does not
              support, unless they are named here
              
              [default: all]
    
              Possible values:
              - pages:    Ordinary pages: map, export, grant
              - wc:       Write-combining memory: export
              - coherent: Coherent memory: export
              - foreign:  Another driver's dma-buf: import
    
          --without-dmabuf
              No exports and imports, for kernels without CONFIG_XEN_GNTDEV_DMABUF
    
          --iterations <N>
              Counted iterations, in every arm [default: the scenario's own]
    
          --warmup <N>
              Iterations before those, marked as warm-up in the truth [default: a file's own]
    
          --pause <MS>
              Start every action, or every iteration without actions, just after the next multiple of MS
              milliseconds; 0: no pause
              
              During the pause the kernel finishes its cleanup of the one before. The sweep has 4, the
              period of a 250 Hz tick, so that every action starts at the same distance from a tick. For
              closed loops only.
              
              [default: a file's own]
    
          --loopback <N,…>
              Page counts of the sweep's loopback: foreign memory granted to this domain and exported
              [default: 4,64 with the default page counts, else none]
    
          --balloon-pages <N|needed>
              Pin the balloon that provides mapped pages: keep N pages in it before anything is mapped
              
              The domain's memory target is lowered until N pages are in the balloon, held there, and
              restored at the end. `needed` is the peak number of pages that the scenario maps. Without
              this option the balloon is not changed, and the first maps may have to inflate it.
              
              [default: a file's own; not pinned]
    
          --seed <N>
              Seed of the random order; the same seed gives the same order [default: a file's own; 1]
    
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
    Check a scenario file without running it
    
    Every mistake is reported with its line, its column and the remedy. If there is none, the command
    prints what the scenario needs. Nothing is opened, so this works on any machine.
    
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
    
    Each page is filled with its own number. The references are listed in a directory page that is
    granted first, and in xenstore if it is available. When all is ready, the command prints one line
    with their place. At SIGTERM or Ctrl-C it revokes everything and ends.
    
    Usage: grantscope-workload frontend [OPTIONS] --to <DOMID>
    
    Options:
          --to <DOMID>
              The domain that may map them
    
          --pages <N>
              Number of pages
              
              [default: 2025]
    
          --dmabuf-pages <N>
              Further pages, of a dma-buf that is imported (udmabuf): for scenarios with source =
              "peer_dmabuf"
              
              [default: 0]
    
          --channel <CHANNEL>
              How it publishes the references
    
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
    Undo and list what killed runs left
    
    Every run notes what it changes that would outlive it (a driver's limit, the balloon's target,
    settings of the kernel's fault injection, references in xenstore, its truth file) in
    /run/grantscope, and undoes it at its end. A run that is killed (SIGKILL) cannot; the next run or
    frontend does so, or this command. A value that another program has changed meanwhile is left as it
    is, and so are the changes of runs that are still at work. Notes that others can have written are
    refused, and named.
    
    Usage: grantscope-workload clean
    
    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn the_default_is_the_full_sweep_of_own_pages() {
    let arms = ["pages=1", "pages=16", "pages=256", "pages=2025", "loopback=4", "loopback=64"];
    let plan = plan("grantscope-workload run --truth t");
    assert_eq!(plan.arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>(), arms);
    assert_eq!((plan.name.as_str(), plan.arms[0].workers[0].parts.len()), ("sweep", 6));
    assert_eq!(plan.if_missing, Missing::IsLeftOut { but_actions: false });
    let options = run_args("grantscope-workload run --truth t").options();
    assert_eq!((&options.pages[..], options.buffers.len()), (&DEFAULT_PAGES[..], 4));
    assert!(!options.buffers_are_explicit);
    assert_eq!(options.place.source, Source::Own);
}

#[test]
fn a_sweep_needs_as_many_pages_in_the_balloon_as_it_maps_at_once() {
    let pinned = |line: &str| plan(line).pin().map(|pin| pin.pages);
    assert_eq!(pinned("grantscope-workload run --truth t"), None);
    assert_eq!(pinned("grantscope-workload run --truth t --balloon-pages needed"), Some(2025));
    assert_eq!(pinned("grantscope-workload run --truth t --balloon-pages needed --pages 16,4 --loopback 64"), Some(64));
    assert_eq!(pinned("grantscope-workload run --truth t --balloon-pages 7"), Some(7));
    assert!(parse("grantscope-workload run --truth t --balloon-pages some").is_err());
}

#[test]
fn given_page_counts_bring_no_others_with_them() {
    let plan = plan("grantscope-workload run --peer 1 --pages 16 --buffers wc,wc,pages --truth -");
    assert_eq!(plan.arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>(), [""]);
    assert_eq!(plan.arms[0].largest(), 16);
    let parts: Vec<_> = plan.arms[0].workers[0].parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(parts, ["map", "grant", "export of pages", "wc"]);
    assert_eq!(plan.if_missing, Missing::IsLeftOut { but_actions: true });
    let options = run_args("grantscope-workload run --peer 1 --pages 16 --buffers wc,wc,pages --truth -").options();
    assert_eq!(options.pages, [16]);
    assert_eq!(options.buffers, [Buffer::Wc, Buffer::Pages]);
    assert!(options.buffers_are_explicit);
}

#[test]
fn every_option_of_the_sweep_chooses_what_it_says() {
    assert_eq!(arms("grantscope-workload run --truth t --pages 1,16,256,2025").len(), 6);
    assert_eq!(arms("grantscope-workload run --truth t --pages 1,2 --loopback 3"), ["pages=1", "pages=2", "loopback=3"]);
    assert_eq!(arms("grantscope-workload run --truth t --set pages=1,2 --buffers pages"), ["pages=1", "pages=2"]);
    assert_eq!(arms("grantscope-workload run --truth t --buffers foreign").len(), 6);
    let parts = |line: &str| plan(line).arms[0].workers[0].parts.iter().map(|part| part.name.clone()).collect::<Vec<_>>();
    assert_eq!(parts("grantscope-workload run --truth t --without-dmabuf"), ["map", "grant"]);
    let turns = |line: &str| plan(line).arms.into_iter().map(|arm| arm.turns).collect::<Vec<_>>();
    let iterations = |all: &[u32]| all.iter().map(|number| Turns::Iterations(*number)).collect::<Vec<_>>();
    assert_eq!(turns("grantscope-workload run --truth t"), iterations(&[200, 200, 100, 50, 10, 10]));
    assert_eq!(turns("grantscope-workload run --truth t --iterations 7"), iterations(&[7, 7, 7, 7, 10, 10]));
    let refused = |line: &str| {
        let arguments = run_args(line);
        let (name, text) = arguments.scenario.file().unwrap().unwrap();
        Plan::read(&name, &text, &arguments.given()).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refused("grantscope-workload run --truth t --buffers wc --without-dmabuf"), @"sweep.toml:1:1: nothing to do: --buffers and --without-dmabuf leave no action; name other kinds too, or leave one of the two out");
    insta::assert_snapshot!(refused("grantscope-workload run --truth t --scenario churn --buffers wc"), @"churn.toml:1:1: --buffers chooses by the kinds of workers and actions, and none here has one: leave it out");
    insta::assert_snapshot!(refused("grantscope-workload run --truth t --scenario churn --pages 2"), @"churn.toml:1:1: --set pages: there is no such parameter (there are processes, threads): give it a default under [parameters]");
}

#[test]
fn what_is_for_the_other_kind_of_scenario_is_refused() {
    let misuse = |line: &str| run_args(line).misuse();
    assert_eq!(misuse("grantscope-workload run --truth t --scenario latency-1 --set pages=2"), None);
    assert_eq!(misuse("grantscope-workload run --truth t --pages 2"), None);
    assert_eq!(misuse("grantscope-workload run --truth t --balloon-pages needed"), None);
    assert_eq!(misuse("grantscope-workload run --truth t --scenario faults --balloon-pages 8"), None);
    insta::assert_snapshot!(misuse("grantscope-workload run --truth t --scenario faults --balloon-pages needed").unwrap(), @"--balloon-pages needed: how much faults maps is not known beforehand: give a number");
    insta::assert_snapshot!(misuse("grantscope-workload run --truth t --scenario faults --set pages=2").unwrap(), @"--set is for scenario files, and faults is a program: use --pages, --buffers and the like");
}

#[test]
fn wrong_arguments_are_usage_errors_that_name_the_argument() {
    for (line, expected) in [
        ("grantscope-workload run --truth t --scenario swep", "there are: sweep, copy, deferred, latency-1"),
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
