//! A scenario file, as `grantscope-workload check` reads it.

use grantscope_generator::script::{Given, Plan};

use super::shown::assert_shown;

pub fn run(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    // What the command line gives, too.
    let given = Given { peer: text.len().is_multiple_of(2), ..Given::default() };
    match Plan::read("scenario.toml", text, &given) {
        Ok(plan) => {
            let described = plan.describe();
            assert_shown("a plan", &described);
            format!("{} arms, {} calls, {}", plan.arms.len(), plan.expected_calls(), described.lines().count())
        }
        Err(problems) => {
            let said = problems.to_string();
            assert_shown("a problem", &said);
            // What is quoted of the file makes no other problem of it.
            said.lines().filter(|line| line.starts_with("error")).map(|line| &line[..line.len().min(24)]).collect()
        }
    }
}
