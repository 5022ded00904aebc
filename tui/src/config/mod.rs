//! The configuration: a file in which a user says once what keys do and how the view looks.
//!
//! `file` finds it, `read` makes values of its text, `in_force` weighs it against options, and `written` writes what is in force as such a
//! file again.

pub mod file;
pub mod in_force;
pub mod mistake;
pub mod read;
mod reader;
pub mod written;
