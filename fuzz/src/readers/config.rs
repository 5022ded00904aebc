//! The file with a user's keys and colours; what is in force by it, and that written and read again.

use grantscope::config::file::Loaded;
use grantscope::config::in_force::{InForce, Options};
use grantscope::config::read::Config;
use grantscope::config::written::written;

use super::shown::assert_shown;

/// A configuration file.
pub fn run(input: &[u8]) -> String {
    match Config::parse(input) {
        Ok(config) => in_force(config),
        Err(mistake) => {
            let mistake = mistake.to_string();
            assert_shown("a mistake", &mistake);
            assert_eq!(mistake.lines().count(), 1, "a mistake is a line");
            mistake
        }
    }
}

fn in_force(config: Config) -> String {
    let text = |config| {
        let all = InForce::new(Loaded { config, file: None, is_there: true }, Options::default());
        written(&all, |_| None)
    };
    let (palette, keys) = (config.palette, config.keys.clone());
    let first = text(config);
    assert_shown("what is in force", &first);
    let again =
        Config::parse(first.as_bytes()).unwrap_or_else(|mistake| panic!("what was written is refused: {mistake}\n{first}"));
    assert!(again.palette == palette && again.keys == keys, "what was written is in force otherwise\n{first}");
    let lost = keys.all().iter().map(|bound| bound.lost().len()).sum::<usize>();
    format!("{} commands without a key, {lost} keys lost", keys.all().iter().filter(|bound| bound.keys.is_empty()).count())
}
