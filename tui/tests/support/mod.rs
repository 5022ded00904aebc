//! Made-up recordings for tests and for people who work on the views. Nothing in them was measured.

#![allow(dead_code, reason = "every test that includes this uses a part of it")]

pub mod builder;
pub mod synthetic;
