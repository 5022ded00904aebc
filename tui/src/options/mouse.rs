//! Whose the mouse is.

use clap::Args;

/// Whose the mouse is.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct MouseArgs {
    /// The mouse selects rows and scrolls, whatever the configuration says
    #[arg(long, overrides_with = "no_mouse")]
    pub mouse: bool,

    /// Leave the mouse to the terminal: it marks text, as elsewhere. Without: it selects rows and scrolls
    #[arg(long, overrides_with = "mouse")]
    pub no_mouse: bool,
}

impl MouseArgs {
    /// Whether it selects and scrolls, and the option that says so; `None`: no option was given.
    pub fn given(self) -> Option<(bool, &'static str)> {
        match (self.mouse, self.no_mouse) {
            (true, _) => Some((true, "--mouse")),
            (false, true) => Some((false, "--no-mouse")),
            (false, false) => None,
        }
    }
}
