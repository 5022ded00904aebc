//! Scenario files: what they may say, whether it makes sense, and what is to be done in which arm. Plain functions of text; nothing
//! here touches a device. The format is documented in `docs/scenarios.md`.
//!
//! [`document`] reads text into words and their places; [`read`] makes a [`Plan`] of them, with [`values`] filling in parameters and
//! [`steps`] making typed steps; [`order`] walks through the plan to check that everything is made before it is used and released once,
//! and [`peaks`] to see how much is held at the worst moment ([`needs`]).

pub mod bounds;
mod document;
mod held;
mod needs;
mod order;
mod peaks;
mod plan;
mod problem;
mod read;
pub mod schema;
mod steps;
mod values;
pub mod vocabulary;

#[cfg(test)]
mod tests;

pub use document::Scalar;
pub use held::Held;
pub use needs::Needs;
pub use peaks::needs as needs_of;
pub use plan::{
    Action, Amount, Arm, Crew, Given, Mapped, Missing, Order, Pace, Part, Pick, Plan, Side, Slice, Step, Turns, WorkerPlan,
};
pub use problem::Problems;
pub use vocabulary::Role;
