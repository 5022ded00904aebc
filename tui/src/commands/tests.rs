//! The command line as a whole: what it says of itself is true.

use clap::error::ErrorKind;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    command_line().debug_assert();
}

#[test]
fn a_wrong_command_line_ends_with_the_code_of_the_table() {
    let error = command_line().try_get_matches_from(["grantscope", "watch"]).unwrap_err();
    assert_eq!(Some(error.exit_code()), Code::Usage.number().map(i32::from));
}

#[test]
fn a_command_without_dashes_before_it_gets_a_tip() {
    let said = |line: &str| with_tip(command_line().try_get_matches_from(line.split(' ')).unwrap_err()).render().to_string();
    assert!(said("grantscope record -o run.gsr ./my-backend --once").contains("tip: a command to run stands behind `--`"));
    for line in ["grantscope record -o run.gsr --pidd 4", "grantscope summary run.gsr other.gsr"] {
        assert!(!said(line).contains("stands behind"), "{line}");
    }
}

/// The parts of a line that run this program: between pipes and `&&`, from the word `grantscope` on.
fn commands(line: &str) -> Vec<Vec<String>> {
    let parts = line.split(" | ").flat_map(|part| part.split(" && "));
    let words = |part| shlex::split(part).expect("an example is a line that a shell takes");
    let commands = parts.map(|part| words(part).into_iter().skip_while(|word| word != "grantscope").collect::<Vec<_>>());
    commands.filter(|command| !command.is_empty()).collect()
}

#[test]
fn every_example_of_the_help_texts_is_a_command_line_that_is_understood() {
    let mut parsed = 0;
    for Example(line, _) in VERBS.iter().flat_map(|verb| verb.examples).chain(EXAMPLES) {
        let commands = commands(line);
        assert!(!commands.is_empty(), "an example that does not run grantscope: {line}");
        for command in commands {
            if let Err(error) = command_line().try_get_matches_from(command) {
                panic!("the help text shows `{line}`: {error}");
            }
            parsed += 1;
        }
    }
    assert!(parsed > VERBS.len());
}

#[test]
fn every_verb_has_examples_of_itself() {
    for verb in VERBS {
        let name = (verb.command)().get_name().to_owned();
        let shows = |Example(line, _): &Example| line.contains(&format!("grantscope {name}"));
        assert!(!verb.examples.is_empty() && verb.examples.iter().all(shows), "{name}");
    }
}

#[test]
fn every_help_text_ends_with_the_exit_codes() {
    for mut command in VERBS.iter().map(|verb| (verb.command)()) {
        let help = command.render_long_help().to_string();
        assert!(help.contains("\nExit codes: 0 "), "{help}");
    }
    let help = command_line().render_long_help().to_string();
    assert!(Code::ALL.iter().all(|code| help.contains(&format!("\n  {:<5}  ", code.written()))), "{help}");
}

#[test]
fn without_a_verb_the_help_is_shown() {
    let error = command_line().try_get_matches_from(["grantscope"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
}

/// `docs/recording.md` names the verbs that end with `Code::Partial` for a recording that is not whole.
#[test]
fn the_document_of_the_format_names_every_verb_that_uses_part_of_a_recording() {
    let document = include_str!("../../../docs/recording.md");
    let line = document.lines().find(|line| line.contains("exit with code")).expect("docs/recording.md names the exit code");
    for verb in VERBS {
        let name = (verb.command)().get_name().to_owned();
        let uses_a_part = verb.exits.contains(&(Code::Partial, None));
        let is_named = line.contains(&format!("`{name}`")) || line.contains(&format!("`grantscope {name}`"));
        assert_eq!(is_named, uses_a_part, "docs/recording.md on `{name}`: {line}");
    }
    assert!(line.ends_with(&format!("exit with code {}.", Code::Partial.written())), "{line}");
}
