//! The least that a server can do with a request. What a product costs above these is its own doing.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Context as _;

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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Control {
    /// hyper on tokio's threads: the body is read, nothing is looked at
    Hyper,
    /// One thread and one epoll: only where a request ends is looked for
    Epoll,
}

/// Answers every request with 204 until it is ended by a signal.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(args.listen).with_context(|| format!("{} is not free", args.listen))?;
    println!("ready http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    match args.control {
        Control::Hyper => {
            listener.set_nonblocking(true)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(async { hyper::serve(tokio::net::TcpListener::from_std(listener)?).await })
        }
        Control::Epoll => {
            let mut server = epoll::Server::new(listener)?;
            loop {
                server.turn(None)?;
            }
        }
    }
}
