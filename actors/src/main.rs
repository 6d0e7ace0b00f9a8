//! The program `ploy`: reads the command line and hands over.

use std::process::ExitCode;

use actors::cli::args::{Args, Verb};
use actors::{cli, run};
use clap::Parser as _;

fn main() -> ExitCode {
    let args = Args::parse();
    match args.verb {
        Verb::Run(run) => run::run(run, args.server.output),
        Verb::Replay(replay) => cli::run_replay(&replay, args.server.output),
        Verb::Compare(compare) => cli::run_compare(&compare, args.server.output),
        Verb::Tape(tape) => cli::run_tape(tape),
        Verb::Config(command) => cli::config::run(&command, &args.server),
        Verb::Record(record) => cli::run_record(&args.server, &record),
        Verb::Db(command) => cli::run_db(&command, args.server.output),
        Verb::Audit(command) => cli::run_audit(&command, args.server.output),
        Verb::Client(verb) => cli::run_client(&args.server, &verb),
    }
}
