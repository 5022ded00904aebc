//! Reads what `--allow` names: one of a list, or the column of a tag.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, Error};
use grantscope_analysis::decide::Remark;

/// A value parser for the names of remarks.
#[derive(Clone, Copy, Debug)]
pub struct Allowed;

impl TypedValueParser for Allowed {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        match value.to_str().filter(|name| Remark::can_be_allowed(name)) {
            Some(name) => Ok(name.to_owned()),
            // It says which names there are.
            None => PossibleValuesParser::new(Remark::names()).parse_ref(command, arg, value),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Remark::names().into_iter().map(PossibleValue::new)))
    }
}
