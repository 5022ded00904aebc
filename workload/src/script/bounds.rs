//! How much a scenario file may ask for, whatever it says: each line of it is small, but arms multiply.

use super::document::{Document, WorkerText};
use super::problem::Found;
use super::values::Values;

/// A file's bytes.
pub const MOST_BYTES: usize = 1 << 20;
/// Brackets within brackets: a step in a list in a table has three.
const MOST_DEPTH: usize = 64;
/// Combinations of what its arms vary, in all stages.
pub const MOST_ARMS: usize = 1_000;
/// Steps, in each arm counted anew.
pub const MOST_STEPS: usize = 100_000;

/// Whether it asks for too much, and says what that is: before anything is made of it.
pub(super) fn are_exceeded(document: &Document, values: &Values, stages: &[Vec<&WorkerText>], found: &mut Found) -> bool {
    let (mut arms, mut steps) = (0_usize, 0_usize);
    for workers in stages {
        let mentioned = |name: &str| stages.len() == 1 || workers.iter().any(|worker| worker.mentions(name));
        let of_stage = values.count(mentioned);
        let in_each = workers.iter().map(|worker| worker.all_steps().count()).sum::<usize>();
        arms = arms.saturating_add(of_stage);
        steps = steps.saturating_add(of_stage.saturating_mul(in_each));
    }
    if arms > MOST_ARMS {
        let span = document.arms.first().map_or(0..0, |(name, _)| name.span.clone());
        let count = if arms == usize::MAX { "too many".to_owned() } else { arms.to_string() };
        found.add(span, format!("its arms have {count} combinations: leave values out until there are at most {MOST_ARMS}"));
    } else if steps > MOST_STEPS {
        let span = document.workers.first().map_or(0..0, |worker| worker.span.clone());
        found.add(span, format!("it has {steps} steps in its {arms} arms: leave some out until there are at most {MOST_STEPS}"));
    }
    arms > MOST_ARMS || steps > MOST_STEPS
}

/// Where brackets are nested deeper than the parser's stack is sure to have room for: it recurses at each, also while it looks for the end of
/// a mistake. Words in quotes do not count; those of texts of several lines do, as far as they have brackets that do not end.
pub fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut lines = text.split_inclusive('\n').scan(0, |next, line| {
        let at = *next;
        *next += line.len();
        Some((at, line))
    });
    lines.find_map(|(line_at, line)| {
        let mut quote = None;
        let opened = line.bytes().position(|byte| {
            match byte {
                b'"' | b'\'' if quote.is_none() => quote = Some(byte),
                _ if quote == Some(byte) => quote = None,
                b'[' | b'{' if quote.is_none() => depth += 1,
                b']' | b'}' if quote.is_none() => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth > MOST_DEPTH
        });
        opened.map(|at| line_at + at)
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::script::{Given, Plan};

    /// A file whose arms are these many values of each of so many parameters, and what is wrong with it.
    fn problems(parameters: usize, values: usize, steps: usize) -> String {
        let mut text = "version = 1\nname = \"x\"\nsummary = \"s\"\nimitates = \"i\"\niterations = 2\n[parameters]\n".to_owned();
        let all: Vec<_> = (1..=values).map(|value| value.to_string()).collect();
        (0..parameters).for_each(|name| writeln!(text, "p{name} = 1").unwrap());
        text += "[arms]\n";
        (0..parameters).for_each(|name| writeln!(text, "p{name} = [{}]", all.join(", ")).unwrap());
        text += "[[workers]]\nname = \"w\"\neach = [\n";
        (0..parameters).for_each(|name| writeln!(text, "{{ sleep_ms = \"$p{name}\" }},").unwrap());
        (0..steps).for_each(|_| text += "{ sleep_ms = 1 },\n");
        text += "]\n";
        let begun = Instant::now();
        let plan = Plan::read("f", &text, &Given::default());
        assert!(begun.elapsed() < Duration::from_secs(20));
        plan.err().map_or_else(String::new, |problems| problems.to_string())
    }

    #[test]
    fn what_multiplies_is_counted_before_it_is_made() {
        assert_eq!(problems(2, 8, 1), "");
        assert_eq!(problems(2, 40, 1), "f:10:1: its arms have 1600 combinations: leave values out until there are at most 1000");
        let most = problems(60, 20, 1);
        assert!(most.starts_with("f:68:1: its arms have too many combinations"), "{most}");
        let steps = problems(2, 30, 200);
        assert!(steps.contains("it has 181800 steps in its 900 arms: leave some out"), "{steps}");
    }

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let text = "#".repeat(MOST_BYTES + 1);
        let problems = Plan::read("f", &text, &Given::default()).unwrap_err().to_string();
        assert_eq!(problems, "f:1:1: it has more than 1048576 bytes, which no scenario needs: give a scenario file");
    }

    #[test]
    fn brackets_without_end_are_refused_and_take_no_stack() {
        for text in ["allow ={[\"kernel\"]\n".repeat(50_000), "[".repeat(MOST_BYTES), "a = [{".repeat(100_000)] {
            let problems = Plan::read("f", &text, &Given::default()).unwrap_err().to_string();
            assert!(problems.contains("brackets in brackets"), "{problems:.200}");
        }
        assert_eq!(too_deep(&"a = \"[[[\" # '{{{\n".repeat(100)), None);
    }

    #[test]
    fn mistakes_without_end_are_counted() {
        let steps: String = (0..20_000).map(|step| format!("{{ mapp = \"a{step}\" }},\n")).collect();
        let text = format!(
            "version = 1\nname = \"x\"\nsummary = \"s\"\nimitates = \"i\"\niterations = 2\n[[workers]]\nname = \"w\"\neach = [\n{steps}]\n"
        );
        let problems = Plan::read("f", &text, &Given::default()).unwrap_err();
        assert_eq!(problems.count(), 101);
        assert!(problems.to_string().ends_with("and 19900 more mistakes like these"), "{problems}");
    }
}
