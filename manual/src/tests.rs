//! Every verb of both programs has a page, and every shell knows every verb and every option.

use clap::Command;

use crate::{file::File, files, programs};

/// Calls `look` with every command, of which the programs are the first, and the words that lead to it.
fn each(command: &Command, words: &[String], look: &mut impl FnMut(&Command, &[String])) {
    let words = [words, &[command.get_name().to_owned()]].concat();
    look(command, &words);
    command.get_subcommands().for_each(|verb| each(verb, &words, look));
}

fn each_command(mut look: impl FnMut(&Command, &[String])) {
    programs().iter().for_each(|program| each(program, &[], &mut look));
}

fn file<'a>(files: &'a [File], path: &str) -> &'a str {
    let found = files.iter().find(|file| file.path == path);
    &found.unwrap_or_else(|| panic!("there is no {path}")).text
}

#[test]
fn every_verb_has_a_page_with_its_usage_and_its_options() {
    let files = files().unwrap();
    let mut pages = 0;
    each_command(|command, words| {
        let page = file(&files, &format!("share/man/man1/{}.1", words.join("-")));
        pages += 1;
        let title = format!(".TH {} 1", words.join("-").to_uppercase());
        assert!(page.contains(&title), "{words:?} has no {title:?}:\n{page}");
        for option in command.get_opts().filter_map(|option| option.get_long()) {
            let shown = format!("\\-\\-{}", option.replace('-', "\\-"));
            assert!(page.contains(&shown), "the page of {words:?} lacks {shown}");
        }
    });
    // Of a page of a verb that is gone, nobody would know.
    assert_eq!(files.iter().filter(|file| file.path.starts_with("share/man/")).count(), pages);
    assert!(pages > 2, "there are verbs");
}

#[test]
fn every_shell_completes_every_verb_and_every_option() {
    let files = files().unwrap();
    each_command(|command, words| {
        let program = &words[0];
        let bash = file(&files, &format!("share/bash-completion/completions/{program}"));
        let zsh = file(&files, &format!("share/zsh/vendor-completions/_{program}"));
        let fish = file(&files, &format!("share/fish/vendor_completions.d/{program}.fish"));
        for verb in command.get_subcommands().map(Command::get_name) {
            assert!(bash.contains(&format!(",{verb})\n")), "bash does not know {words:?} {verb}");
            assert!(zsh.contains(&format!("\n'{verb}:")), "zsh does not know {words:?} {verb}");
            assert!(fish.contains(&format!(" -a \"{verb}\"")), "fish does not know {words:?} {verb}");
        }
        for option in command.get_opts().filter_map(|option| option.get_long()) {
            assert!(bash.contains(&format!(" --{option} ")), "bash does not know {words:?} --{option}");
            assert!(zsh.contains(&format!("--{option}")), "zsh does not know {words:?} --{option}");
            assert!(fish.contains(&format!(" -l {option} ")), "fish does not know {words:?} --{option}");
        }
    });
}

/// In a page that is filled, examples and exit codes would be one paragraph.
#[test]
fn the_end_of_a_help_text_keeps_its_lines() {
    let files = files().unwrap();
    let page = file(&files, "share/man/man1/grantscope-record.1");
    let (_, end) = page.split_once("\n.nf\n").expect("the lines are kept");
    assert!(end.starts_with("Examples:\n"), "{end}");
    assert!(end.trim_end().ends_with(".fi"), "{end}");
}
