//! The least that a server can do with a request. What a product costs above these is its own doing.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

mod append;
mod epoll;
mod hyper;
#[cfg(test)]
mod tests;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum)]
    control: Control,

    /// Address to answer on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// What bodies are written to, a new file
    #[arg(long, value_name = "FILE", required_if_eq("control", "append"))]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Control {
    /// hyper on tokio's threads: the body is read, nothing is looked at
    Hyper,
    /// The same, but each body is written to the end of a file, and answered once the disk has it
    Append,
    /// One thread and one epoll: only where a request ends is looked for
    Epoll,
}

/// Answers every request with 204 until it is told to end.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    end_when_told()?;
    let listener = std::net::TcpListener::bind(args.listen).with_context(|| format!("{} is not free", args.listen))?;
    println!("ready http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    match args.control {
        Control::Hyper => serve_with_hyper(listener, None),
        Control::Append => {
            let (end, writer) = append::End::of(args.file.as_deref().context("no file is named")?)?;
            let served = serve_with_hyper(listener, Some(end));
            writer.join().map_err(|_| anyhow!("the writer broke down"))?.and(served)
        }
        Control::Epoll => {
            let mut server = epoll::Server::new(listener)?;
            loop {
                server.turn(None)?;
            }
        }
    }
}

/// Ends with 0 at SIGTERM: a build that counts where its time goes writes that down only when a program exits by itself.
fn end_when_told() -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut told = runtime.block_on(async { signal(SignalKind::terminate()) })?;
    std::thread::Builder::new().name("end".to_owned()).spawn(move || {
        runtime.block_on(told.recv());
        std::process::exit(0)
    })?;
    Ok(())
}

fn serve_with_hyper(listener: std::net::TcpListener, end: Option<append::End>) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { hyper::serve(tokio::net::TcpListener::from_std(listener)?, end).await })
}
