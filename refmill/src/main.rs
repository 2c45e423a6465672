mod cli;
mod clock;
mod config;
mod deciding;
mod demo;
mod fallback;
mod first_start;
mod keys;
mod metrics_listener;
mod process_metrics;
mod rebuild;
mod roles;
mod secrets;
mod shutdown;
mod telemetry;

use std::process::ExitCode;

use anyhow::Context as _;
use cli::{Command, Given};
use roles::Role;
use tikv_jemallocator::Jemalloc;

/// An event's texts are made on one thread and dropped on another, which the system's allocator takes twice as long for.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match run(cli::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("refmill: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(given: Given) -> anyhow::Result<()> {
    let command = given.command.clone();
    let loaded = config::load(given)?;
    match command {
        Command::Up => runtime()?.block_on(roles::run(loaded.config, Role::Up)),
        Command::Ingest => runtime()?.block_on(roles::run(loaded.config, Role::Ingest)),
        Command::Process => runtime()?.block_on(roles::run(loaded.config, Role::Process)),
        Command::Api => runtime()?.block_on(roles::run(loaded.config, Role::Api)),
        Command::Rebuild(what) => runtime()?.block_on(rebuild::run(loaded.config, what)),
        Command::Demo(args) => runtime()?.block_on(demo::run(loaded.config, args)),
        Command::Config => {
            print!("{}", loaded.print());
            Ok(())
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime's threads could not be started")
}
