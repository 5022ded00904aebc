//! `grantscope bench`: the load generator under the probes, watched.

mod arguments;
mod generator;
mod one;
mod repeated;

use anyhow::Result;

pub use arguments::Bench;
use repeated::Repeated;

use crate::commands::verb::{Example, Verb};
use crate::exit::{Code, Exit, Exits};

impl Verb for Bench {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope bench --peer 1 --out results", "buffers of domain 1"),
        Example("grantscope bench --out results -- --buffers wc,coherent", "more options for the generator"),
        Example("grantscope bench --runs 5 --out head", "for `compare base head`"),
        Example("grantscope bench --against base --until-decided --max 'export.* p50=2%'", "a gate"),
    ];
    const NOTE: &'static str =
        "Domain N must run `grantscope-workload frontend --to DOMID`, where DOMID is the domain that runs the benchmark.";
    const EXITS: Exits = &[
        (Code::Done, None),
        (Code::Error, None),
        (Code::Usage, None),
        (Code::Differs, Some("something is slower by more than its limit")),
        (Code::Partial, Some("not decided, or not comparable")),
        (Code::Signal, None),
    ];

    fn run(&self) -> Result<Exit> {
        Repeated::new(self)?.run()
    }
}
