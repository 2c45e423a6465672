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
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use self::credentials::DemoCredentials;
use self::figures::{Dashboard, Ledger};
use self::input::Input;
use self::outcomes::{Counts, Kind, Outcomes};
use self::play::{Limits, Played};
use self::server::Server;
use crate::cli::DemoArgs;
use crate::config::Config;

const KINDS: [Kind; 3] = [Kind::Click, Kind::Sale, Kind::Refund];
/// How long the server's figures may take to hold all that was sent.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(15);
const POLL_EVERY: Duration = Duration::from_millis(250);
/// An edge reports what it refused once a second: figures that were the same for longer are whole.
const STILL_FOR: Duration = Duration::from_millis(1_200);
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
    println!("{} requests and {} invoices against {base_url}", input.clicks.len(), input.sales.len());
    let skipped = skipped(&input);
    let limits = Limits { in_flight, until: Instant::now() + Duration::from_secs(args.max_seconds) };
    let played = play::play(Arc::clone(&server), links, input, limits).await?;
    let after = State::caught_up(&server, &before, &played).await?;
    let ledger = Ledger::fetch(&server).await?;
    print!("{skipped}");
    show(&credentials, &played, &before, &after, &ledger);
    judge(&played, &before, &after, &ledger)
}

/// The server's figures at one time.
struct State {
    outcomes: Outcomes,
    dashboard: Dashboard,
}

impl State {
    async fn fetch(server: &Server) -> anyhow::Result<Self> {
        Ok(Self { outcomes: Outcomes::fetch(server).await?, dashboard: Dashboard::fetch(server).await? })
    }

    /// Once what was sent before this run is counted.
    async fn at_rest(server: &Server) -> anyhow::Result<Self> {
        let until = Instant::now() + CATCH_UP_LIMIT;
        let mut last = Self::fetch(server).await?;
        loop {
            tokio::time::sleep(STILL_FOR).await;
            let now = Self::fetch(server).await?;
            if now.is_as(&last) {
                return Ok(now);
            }
            if Instant::now() > until {
                bail!("somebody else is sending this company events: play the demo when its counts stand still");
            }
            last = now;
        }
    }

    /// Once what was played adds up; at the end of the time, as it is then.
    async fn caught_up(server: &Server, before: &Self, played: &Played) -> anyhow::Result<Self> {
        let until = Instant::now() + CATCH_UP_LIMIT;
        loop {
            let now = Self::fetch(server).await?;
            if (now.adds_up(before, played) && now.dashboard_follows(before)) || Instant::now() > until {
                return Ok(now);
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    fn is_as(&self, other: &Self) -> bool {
        self.outcomes == other.outcomes && self.dashboard.totals() == other.dashboard.totals()
    }

    fn since(&self, before: &Self) -> Vec<(Kind, Counts)> {
        KINDS.map(|kind| (kind, self.outcomes.since(&before.outcomes, kind))).to_vec()
    }

    fn adds_up(&self, before: &Self, played: &Played) -> bool {
        let adds_up = |(kind, counts)| match played.tally.of(kind) {
            Some(sent) => sent.adds_up(counts),
            None => counts.sum() == 0,
        };
        self.since(before).into_iter().all(adds_up)
    }

    /// The dashboard is made from facts and the outcomes from the ledger: the two must say the same.
    fn dashboard_follows(&self, before: &Self) -> bool {
        let (clicks, conversions) = self.dashboard.totals();
        let (clicks_before, conversions_before) = before.dashboard.totals();
        let since = |kind| self.outcomes.since(&before.outcomes, kind);
        clicks - clicks_before == since(Kind::Click).counted
            && conversions - conversions_before == since(Kind::Sale).attributed
    }
}

fn skipped(input: &Input) -> String {
    let list = |reasons: BTreeMap<&str, u64>| {
        reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
    };
    let lines = list(input.lines_skipped.iter().map(|(reason, count)| (reason.describe(), *count)).collect());
    let invoices = list(input.invoices_skipped.iter().map(|(reason, count)| (reason.describe(), *count)).collect());
    [("lines of the log", lines), ("invoices", invoices)]
        .into_iter()
        .filter(|(_, reasons)| !reasons.is_empty())
        .map(|(what, reasons)| format!("left out, {what}: {reasons}\n"))
        .collect()
}

fn show(credentials: &DemoCredentials, played: &Played, before: &State, after: &State, ledger: &[Ledger]) {
    let since = after.since(before);
    println!("{}", report::outcomes(&played.tally, &since));
    for (kind, _) in since {
        let surprises = played.tally.of(kind).map(|sent| &sent.surprises);
        for ((status, code), (count, message)) in surprises.into_iter().flatten() {
            println!("{count} × {} answered {status} {code}: {message}", report::name(kind));
        }
    }
    let top = &after.dashboard.top_affiliates;
    let email = |id: &str| {
        let of = |affiliate: &&credentials::DemoAffiliate| affiliate.id == id;
        credentials.affiliates.iter().find(of).map(|affiliate| affiliate.email.clone())
    };
    println!("\ntop partners, GBP\n{}", report::partners(&top[..top.len().min(PARTNERS_SHOWN)], email));
    println!("\nthe ledger\n{}", report::ledger(ledger));
    if played.unsent > 0 {
        println!("the time was up (--max-seconds): {} events were not sent", played.unsent);
    }
}

fn judge(played: &Played, before: &State, after: &State, ledger: &[Ledger]) -> anyhow::Result<()> {
    if !after.adds_up(before, played) {
        bail!("the outcomes do not add up to what was sent: was something else sending events to the demo company?");
    }
    if !after.dashboard_follows(before) {
        bail!("the dashboard does not show what the outcomes say, {} s after the last event", CATCH_UP_LIMIT.as_secs());
    }
    if let Some(entry) = ledger.iter().find(|entry| !entry.is_zero()) {
        bail!("the ledger does not sum to zero in {}", entry.currency);
    }
    Ok(())
}
