//! What is written is read as the same.

use super::*;
use crate::config::file::Loaded;
use crate::config::in_force::Options;
use crate::config::read::Config;
use crate::options::wanted::Color;

fn in_force(text: &str, options: Options) -> InForce {
    let config = Config::parse(text.as_bytes()).unwrap_or_else(|mistake| panic!("{text}\n{mistake}"));
    let file = File { path: "/c.toml".into(), by: NamedBy::Option };
    InForce::new(Loaded { config, file: Some(file), is_there: true }, options)
}

fn written_with(text: &str, options: Options, variables: &[(&str, &str)]) -> String {
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    written(&in_force(text, options), variable)
}

/// The comment behind a name.
fn about<'a>(written: &'a str, name: &str) -> &'a str {
    let line = written.lines().find(|line| line.starts_with(&format!("{name} = "))).expect(name);
    line.split_once("  # ").expect("every line says where it is from").1
}

const CHANGED: &str = "mouse = false\nascii = \"never\"\n[colours]\nbad = \"#FF8000\"\nwc = \"lightblue\"\ngood = \"7\"\n[keys]\nsort = \"o\"\n\
                       filter = [\"/\", \"Ctrl-f\"]\nmetric = ['\\', '\"', \"é\"]\ncopy = []\nfiner = [\"space\", \"F5\"]\nview = [\"1\", \"2\"]\n";

#[test]
fn what_is_written_is_in_force_unchanged_when_it_is_read() {
    for text in ["", CHANGED] {
        let options = Options { color: Some(Color::Never), ..Options::default() };
        let first = in_force(text, options);
        let written = written(&first, |_| None);
        let again = in_force(&written, Options::default());
        assert_eq!(again.loaded.config.keys, first.loaded.config.keys, "{written}");
        assert_eq!(again.loaded.config.palette, first.loaded.config.palette, "{written}");
        let settings = |all: &InForce| (all.color.value, all.ascii.value, all.mouse.value);
        assert_eq!(settings(&again), settings(&first), "{written}");
    }
}

#[test]
fn every_line_says_where_it_is_from() {
    let options = Options { color: Some(Color::Never), ..Options::default() };
    let written = written_with(CHANGED, options, &[("LANG", "C")]);
    for (name, expected) in [
        ("color", "option --color"),
        ("ascii", "/c.toml:2"),
        ("mouse", "/c.toml:1"),
        ("bad", "/c.toml:4"),
        ("pages", "built in"),
        ("filter", "/c.toml:9"),
        ("copy", "/c.toml:11"),
        ("page-down", "built in, without Ctrl-f: /c.toml:9 gives it to filter"),
        ("search", "built in, without \\: /c.toml:10 gives it to metric"),
        ("quit", "built in"),
    ] {
        assert_eq!(about(&written, name), expected);
    }
    assert!(written.contains("\nsearch = []  ") && written.contains("\npage-down = [\"PgDn\", \"Ctrl-d\"]  "), "{written}");
}

#[test]
fn what_the_environment_says_is_named_and_not_obeyed() {
    let variables = [("TERM", "xterm-256color\n\u{1b}[31m"), ("LC_ALL", "C.UTF-8"), ("SUDO_USER", "anna")];
    let written = written_with("", Options::default(), &variables);
    assert_eq!(about(&written, "color"), "built in; on this terminal 256, by TERM=xterm-256color\\n\\u{1b}[31m");
    assert_eq!(about(&written, "ascii"), "built in; on this terminal all characters, by LC_ALL=C.UTF-8");
    let none = written_with("", Options::default(), &[("NO_COLOR", "1"), ("TERM", "xterm")]);
    assert_eq!(about(&none, "color"), "built in; on this terminal none, by NO_COLOR=1");
}

#[test]
fn the_file_is_named_and_under_sudo_whose_it_may_not_be() {
    let said = |by, variables: &[(&str, &str)]| {
        let all = InForce {
            loaded: Loaded { file: Some(File { path: "/r/c".into(), by }), is_there: false, config: Config::default() },
            ..in_force("", Options::default())
        };
        file(&all, |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    };
    assert_eq!(said(NamedBy::Option, &[("SUDO_USER", "anna")]), "/r/c: is not there (by --config).");
    assert_eq!(
        said(NamedBy::Folder("HOME"), &[("SUDO_USER", "anna")]),
        "/r/c: is not there (by $HOME). Under sudo that need not be the file of anna: --config names another."
    );
}
