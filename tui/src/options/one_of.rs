//! Reads an option whose values are a closed list with names, and lists those names in the help text.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, Error};

/// A value parser for the names of a list that lives where the values do: in the model, in the tables of the probes.
#[derive(Clone, Copy, Debug)]
pub struct OneOf<T: 'static> {
    all: &'static [T],
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
}

/// Parses the names of `all`; `about` is a line of the help text for each.
pub const fn one_of<T>(all: &'static [T], name: fn(T) -> &'static str, about: fn(T) -> &'static str) -> OneOf<T> {
    OneOf { all, name, about }
}

impl<T: Copy> OneOf<T> {
    fn values(self) -> impl Iterator<Item = PossibleValue> {
        self.all.iter().map(move |&value| PossibleValue::new((self.name)(value)).help((self.about)(value)))
    }
}

impl<T: Copy + Send + Sync + 'static> TypedValueParser for OneOf<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        let name = PossibleValuesParser::new(self.values()).parse_ref(command, arg, value)?;
        let value = self.all.iter().copied().find(|&value| (self.name)(value) == name);
        Ok(value.expect("clap has accepted the name, so it is in the list"))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;
    use grantscope_analysis::model::Clock;

    use super::*;

    fn clock(name: &str) -> Result<Clock, Error> {
        let arg = Arg::new("clock").long("clock").value_parser(one_of(Clock::ALL, Clock::name, Clock::about));
        let matches = Command::new("test").arg(arg).try_get_matches_from(["test", "--clock", name])?;
        Ok(*matches.get_one("clock").expect("it is given"))
    }

    #[test]
    fn every_name_gives_its_value() {
        for &expected in Clock::ALL {
            assert_eq!(clock(expected.name()).unwrap(), expected);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_names_that_there_are() {
        let refusal = clock("lunar").unwrap_err().to_string();
        assert!(refusal.contains("[possible values: wall, counted]"), "{refusal}");
    }
}
