//! What a configuration file can say, and how its mistakes are named.

use super::*;
use crate::screen::colours::Colours;
use crate::screen::command::Command::{Filter, PageDown, Sort};
use crate::screen::palette::Role;

fn parse(text: &str) -> Config {
    Config::parse(text.as_bytes()).unwrap_or_else(|mistake| panic!("{text}: {mistake}"))
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "# a comment\n", "[keys]\n[colours]\n"] {
        assert_eq!(Config { lines: BTreeMap::new(), ..parse(text) }, Config::default());
    }
}

#[test]
fn keys_colours_and_settings_are_read_with_their_lines() {
    let config = parse(
        "color = \"256\"\nascii = \"always\"\nmouse = false\n[colours]\nbad = \"#ff8000\"\n[keys]\nsort = \"o\"\nfilter = [\"/\", \"Ctrl-f\"]\n",
    );
    assert_eq!((config.color, config.ascii, config.mouse), (Some(Color::Indexed), Some(Ascii::Always), Some(false)));
    assert_eq!(config.palette.style(Role::Bad, Colours::True).fg, Some(Ink::Rgb(255, 128, 0)));
    assert_eq!([Sort, Filter, PageDown].map(|command| config.keys.shown(command).to_owned()), ["o", "/ Ctrl-f", "PgDn Ctrl-d"]);
    let lines = [(None, "mouse"), (Some(COLOURS), "bad"), (Some(KEYS), "filter"), (Some(KEYS), "reverse")];
    assert_eq!(lines.map(|(table, name)| config.line(table, name)), [Some(3), Some(5), Some(8), None]);
}

/// Each mistake with the place that an editor jumps to.
#[test]
fn a_mistake_is_named_with_its_place_and_what_to_do() {
    for (text, expected) in [
        ("colour = \"auto\"", "1:1: `colour` is no setting: write color"),
        ("\nfnord = 1", "2:1: `fnord` is no setting: there are color, ascii, mouse, colours, keys"),
        ("[colors]\nbad = \"red\"", "1:2: `colors` is no table: write colours"),
        ("[color]\nbad = \"red\"", "1:2: `color` is no table: write colours"),
        ("[ascii]", "1:2: `ascii` is no table: there are colours, keys"),
        ("[key]", "1:2: `key` is no table: write keys"),
        ("color = true", "1:9: expected one of \"auto\", \"always\", \"never\", \"16\", \"256\", \"true\", in quotes"),
        ("color = \"red\"", "1:9: `red` is nothing that color can be: write one of \"auto\", "),
        ("ascii = \"yes\"", "1:9: `yes` is nothing that ascii can be: write one of \"auto\", \"always\", \"never\""),
        ("mouse = \"no\"", "1:9: mouse is true or false, without quotes"),
        ("keys = \"o\"", "1:8: keys is a table: write [keys], and below it a line for each"),
        ("[keys]\nsrot = \"o\"", "2:1: `srot` is no command: write sort"),
        ("[keys]\nfrobnicate = \"o\"", "2:1: `frobnicate` is no command: there are quit, quit-at-once, back, "),
        ("[keys]\nsort = 5", "2:8: expected a key or a list of keys in quotes, as in sort = \"o\" or sort = [\"o\", \"Ctrl-o\"]"),
        ("[keys]\nsort = [\"o\", []]", "2:14: expected a key or a list of keys"),
        ("[keys]\nsort = [\"o\", \"Hyper-o\"]", "2:14: `Hyper-o` is no key: write a character as it is typed"),
        ("[keys]\nsort = \"o\"\nfilter = \"o\"", "3:10: o is a key of sort already, in line 2: leave out one of them"),
        // In the order of the file, and not of the alphabet.
        ("[keys]\nsort = \"o\"\ncopy = \"o\"", "3:8: o is a key of sort already, in line 2"),
        ("[keys]\nsort = [\"o\", \"o\"]", "2:14: o is a key of sort already, in line 2"),
        ("[keys]\nview = [\"1\", \"x\"]", "2:14: the keys of view are digits from \"1\" to \"9\""),
        ("[keys]\nquit = []", "2:8: no key is left to quit: give it one in [keys], as in quit = \"Q\""),
        ("[keys]\nreverse = \"v\"\nsort = \"q\"", "3:8: no key is left to quit"),
        ("[colours]\nbda = \"red\"", "2:1: `bda` is no role of a colour: write bad"),
        ("[colours]\nbad = \"purpel\"", "2:7: `purpel` is no colour: write a name such as \"red\""),
        ("[colours]\nbad = 208", "2:7: expected a colour in quotes, as \"red\", \"208\" or \"#ff8000\""),
        ("[keys]\nsort = \"o", "2:10: this is no TOML: invalid basic string"),
        ("[keys]\nsort = \"o\"\nsort = \"u\"", "3:1: this is no TOML: duplicate key"),
        ("[keys]\nsort = \"\"\"o\"\"\"", "2:8: a string of several lines"),
        // The first of several.
        ("[keys]\nsort = 5\n[colours]\nbad = 5", "2:8: "),
    ] {
        let mistake = Config::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(mistake.starts_with(expected), "{text}\n{mistake}");
        assert_eq!(mistake.lines().count(), 1, "{mistake}");
    }
}

#[test]
fn bytes_that_are_no_text_and_brackets_without_end_are_mistakes() {
    assert!(Config::parse(b"# \xc3\xa4\n\xff").unwrap_err().to_string().starts_with("2:1: this is no text in UTF-8"));
    for deep in ["[".repeat(1 << 20), "a = [\"\\\"\", ".to_owned() + &"[".repeat(1 << 20), "keys = {a".repeat(1 << 17)] {
        assert!(Config::parse(deep.as_bytes()).unwrap_err().to_string().contains("brackets in brackets"));
    }
}
