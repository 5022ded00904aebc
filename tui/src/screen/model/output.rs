//! The recording that is written of what is watched, as the viewer knows it.

use std::mem;

/// Where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Nothing is written.
    #[default]
    Nowhere,
    /// To this file.
    To(String),
    /// Nothing more can be written to this file.
    Broken {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}

impl Output {
    /// Nothing more can be written.
    pub fn fail(&mut self, why: String) {
        if let Self::To(name) = self {
            *self = Self::Broken { name: mem::take(name), why };
        }
    }
}
