//! `ploy compare`.
use clap::Args;
use super::args::Output;
use super::Exit;
/// x
#[derive(Clone, Debug, Args)]
pub struct CompareArgs { }
pub(super) fn run(_args: &CompareArgs, _output: Output) -> anyhow::Result<Exit> { Ok(Exit::Done) }
