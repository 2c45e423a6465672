//! `refmill demo`: real requests and real invoices against the running server, and what became of them.

mod access_log;
pub(crate) mod credentials;
mod figures;
mod input;
mod orders;
mod outcomes;
mod plan;
mod play;
mod report;
mod server;
mod slices;
mod state;
mod tally;

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use self::credentials::{DemoAffiliate, DemoCredentials};
use self::figures::Ledger;
use self::input::Input;
use self::play::{Limits, Played};
use self::server::Server;
use self::state::State;
use crate::cli::DemoArgs;
use crate::config::Config;

const PARTNERS_SHOWN: usize = 10;

pub(crate) async fn run(config: Config, args: DemoArgs) -> anyhow::Result<()> {
    let credentials = credentials::read(&config.data_dir)?.with_context(|| {
        let folder = config.data_dir.display();
        format!("there is no demo.toml in {folder}: start `refmill up` on an empty folder first, or name its folder with --data-dir")
    })?;
    let codes = credentials.codes();
    let links = codes.len();
    if links == 0 {
        bail!("demo.toml names no link: start `refmill up` on an empty folder for a new one");
    }
    let input = Input::load(&args, links)?;
    let base_url = args.server.as_deref().unwrap_or(&credentials.base_url);
    let in_flight = usize::from(args.in_flight);
    let server = Arc::new(Server::new(base_url, &credentials.secret_key, codes, in_flight)?);
    let before = State::at_rest(&server).await?;
    let (clicks, sales) = (input.clicks.len(), input.sales.len());
    say(&format!("{clicks} clicks and {sales} sales against {base_url}\n{}", input.left_out()))?;
    let limits = Limits { in_flight, until: Instant::now() + Duration::from_secs(args.max_seconds) };
    let played = play::play(Arc::clone(&server), links, input, limits).await?;
    let after = State::caught_up(&server, &before, &played).await?;
    say(&report(&credentials, &played, &before, &after))?;
    let ledger = Ledger::fetch(&server).await?;
    say(&format!("\nthe ledger\n{}\n", report::ledger(&ledger)))?;
    state::judge(&played, &before, &after, &ledger)
}

/// What became of the events, and who earned from them.
fn report(credentials: &DemoCredentials, played: &Played, before: &State, after: &State) -> String {
    let since = after.since(before);
    let mut text = format!("{}\n{}", report::outcomes(&played.tally, &since), report::surprises(&played.tally));
    let top = &after.dashboard.top_affiliates;
    let email = |id: &str| {
        let of = |affiliate: &&DemoAffiliate| affiliate.id == id;
        credentials.affiliates.iter().find(of).map(|affiliate| affiliate.email.clone())
    };
    let top = report::partners(&top[..top.len().min(PARTNERS_SHOWN)], email);
    if played.unsent > 0 {
        text.push_str(&format!("the time was up (--max-seconds): {} events were not sent\n", played.unsent));
    }
    text.push_str(&format!("\ntop partners, in GBP\n{top}\n"));
    text
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output is closed")
}
