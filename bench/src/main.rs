//! Measures what takes clicks, orders and refunds in: how long answers take from when a request was due, what an event costs each
//! process, and whether all that was acknowledged is there afterwards.

mod aim;
mod audit;
mod cli;
mod client;
mod compare;
mod contestant;
mod controls;
mod cost;
mod dashboards;
mod grow;
mod load;
mod machine;
mod model;
mod place;
mod record;
mod report;
mod run;
mod sweep;
mod text;

use clap::Parser as _;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use cli::{Cli, Command};

/// The product's, so that a control has it too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    let command = Cli::parse().command;
    if let Command::Control(args) = &command {
        // Each has the threads that it is known for.
        return controls::run(args);
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Run(args) => or_interrupted(run::run(args)).await,
            Command::Sweep(args) => or_interrupted(sweep::run(args)).await,
            Command::Compare(args) => or_interrupted(compare::run(args)).await,
            Command::Grow(args) => or_interrupted(grow::run(args)).await,
            Command::Dashboards(args) => or_interrupted(dashboards::run(args)).await,
            Command::Model(args) => model::print(&args),
            Command::Report(args) => report::make(&args),
            Command::Control(_) => Ok(()),
        }
    })
}

/// What was started ends with what is dropped here.
async fn or_interrupted(measuring: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut ends = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = Box::pin(measuring) => ended,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = ends.recv() => anyhow::bail!("told to end"),
    }
}
