//! Sends clicks or orders to an edge at a constant rate, whatever the answers take, and says how long each took from the moment it
//! was due: a server that falls behind cannot slow down what measures it.

mod aim;
mod connection;
mod events;
mod pace;
mod report;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum, value_parser};

use aim::Target;
use events::Events;

/// Requests of one run.
const REQUESTS_MAX: u64 = 10_000_000;

/// Sends events to an edge at a constant rate and says how long their answers took
#[derive(Parser)]
#[command(version)]
struct Args {
    #[arg(value_enum)]
    send: Kind,

    /// The edge, such as http://127.0.0.1:8080
    url: String,

    /// Requests a second
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,

    /// How long
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600))]
    seconds: u32,

    /// Connections kept open: so many requests wait for their answers at once, and what is due beyond them is late
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = value_parser!(u16).range(1..=8_192))]
    connections: u16,

    /// Events of one request; from two on they go to /track/batch
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=1_000))]
    batch: u16,

    /// Codes of links that the events name in turn
    #[arg(long, value_name = "CODE,…", value_delimiter = ',', required = true)]
    codes: Vec<String>,

    /// The company's secret key, which orders need
    #[arg(long, value_name = "KEY", required_if_eq("send", "orders"))]
    key: Option<String>,

    /// Say `prepared` when all is ready to be measured, and begin with the next line of standard input
    #[arg(long)]
    wait: bool,

    /// Aim at another machine than this one
    #[arg(long)]
    anywhere: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Visits, each from another address
    Clicks,
    /// Orders of new customers, each after a click of its own that is sent before the measured time
    Orders,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let requests = u64::from(args.rate) * u64::from(args.seconds);
    ensure!(requests <= REQUESTS_MAX, "that is {requests} requests, and {REQUESTS_MAX} are the most");
    let target = Target::find(&args.url, args.anywhere).await?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let mut events = Events {
        kind: args.send,
        batch: u64::from(args.batch),
        codes: args.codes,
        key: args.key,
        run: u64::try_from(since_1970.as_millis())?,
        receipts: Vec::new(),
    };
    if args.send == Kind::Orders {
        events.receipts = events.clicks_before(&target, requests * u64::from(args.batch)).await?;
    }
    if args.wait {
        println!("prepared {}", events.receipts.len());
        std::io::stdin().read_line(&mut String::new())?;
    }
    let each = Duration::from_secs(1) / args.rate;
    let report = pace::send(&target, events, requests, each, args.connections).await?;
    print!("{report}");
    Ok(())
}
