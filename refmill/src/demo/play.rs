//! Sends a run's events in their order, a bounded number at once and until a bounded time.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use super::input::Input;
use super::outcomes::Kind;
use super::plan::{Click, Proof, Refund, Sale};
use super::server::{Answer, Server};
use super::tally::Tally;

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) in_flight: usize,
    pub(super) until: Instant,
}

/// What was sent, and how much the time did not suffice for.
pub(super) struct Played {
    pub(super) tally: Tally,
    pub(super) unsent: usize,
}

/// Sales before any click, clicks, the other sales, refunds: each part once the one before it is answered.
pub(super) async fn play(server: Arc<Server>, links: usize, input: Input, limits: Limits) -> anyhow::Result<Played> {
    let sales = input.sales.iter().map(Sale::requests).sum::<u64>();
    let refunds = input.sales.iter().filter(|sale| sale.refund.is_some()).count();
    let mut player = Player {
        bar: bar((input.clicks.len() + refunds) as u64 + sales),
        server,
        limits,
        played: Played { tally: Tally::default(), unsent: 0 },
    };
    let (early, later): (Vec<_>, Vec<_>) = input.sales.into_iter().partition(|sale| sale.proof == Proof::None);
    let early = early.into_iter().map(|sale| (sale, None)).collect();
    let mut sold = player.sell("sales before clicks", early).await?;
    let receipts = player.click(input.clicks, links).await?;
    let later =
        later.into_iter().map(|sale| (receipts.of(&sale), sale)).map(|(receipt, sale)| (sale, receipt)).collect();
    sold.extend(player.sell("sales", later).await?);
    player.refund(sold).await?;
    player.bar.finish_and_clear();
    Ok(player.played)
}

struct Player {
    server: Arc<Server>,
    limits: Limits,
    bar: ProgressBar,
    played: Played,
}

/// The receipts of the run's clicks by link, in the order of the log.
struct Receipts(Vec<Vec<Option<String>>>);

/// A refund that is due, of this conversion.
struct Due {
    conversion: String,
    number: String,
    refund: Refund,
}

impl Player {
    async fn click(&mut self, clicks: Vec<Click>, links: usize) -> anyhow::Result<Receipts> {
        let planned = clicks.len();
        let send = |server: Arc<Server>, (at, click): (usize, Click)| async move {
            let answers = server.click(&click).await?;
            Ok((at, click.link, answers))
        };
        let mut answered = self.each("clicks", clicks.into_iter().enumerate().collect(), send).await?;
        answered.sort_unstable_by_key(|(at, ..)| *at);
        self.played.unsent += planned - answered.len();
        let mut receipts = vec![Vec::new(); links];
        for (_, link, answers) in answered {
            self.played.tally.add(Kind::Click, &answers);
            if let Some(link) = link {
                receipts[link].push(answers.last().and_then(Answer::receipt).map(str::to_owned));
            }
        }
        Ok(Receipts(receipts))
    }

    /// Answers with the refunds that are due.
    async fn sell(&mut self, part: &'static str, sales: Vec<(Sale, Option<String>)>) -> anyhow::Result<Vec<Due>> {
        let planned = sales.len();
        let send = |server: Arc<Server>, (sale, receipt): (Sale, Option<String>)| async move {
            let mut answers = server.sale(&sale, receipt.as_deref()).await?;
            if sale.sent_twice {
                answers.extend(server.sale(&sale, receipt.as_deref()).await?);
            }
            Ok((sale, answers))
        };
        let answered = self.each(part, sales, send).await?;
        self.played.unsent += planned - answered.len();
        let mut due = Vec::new();
        for (sale, answers) in answered {
            self.played.tally.add(Kind::Sale, &answers);
            self.bar.inc(sale.requests() - 1);
            let conversion = answers.iter().find_map(Answer::conversion).map(str::to_owned);
            due.extend(conversion.zip(sale.refund).map(|(conversion, refund)| Due {
                conversion,
                number: sale.invoice.number,
                refund,
            }));
        }
        Ok(due)
    }

    async fn refund(&mut self, due: Vec<Due>) -> anyhow::Result<()> {
        let planned = due.len();
        let send = |server: Arc<Server>, due: Due| async move {
            server.refund(&due.conversion, &due.number, due.refund).await
        };
        let answered = self.each("refunds", due, send).await?;
        self.played.unsent += planned - answered.len();
        for answers in answered {
            self.played.tally.add(Kind::Refund, &answers);
        }
        Ok(())
    }

    /// Runs `send` for each item, so many at once, and starts none past the time. The first failure ends it all.
    async fn each<T, R, F>(
        &self,
        part: &'static str,
        items: Vec<T>,
        send: impl Fn(Arc<Server>, T) -> F,
    ) -> anyhow::Result<Vec<R>>
    where
        F: Future<Output = anyhow::Result<R>> + Send + 'static,
        R: Send + 'static,
    {
        self.bar.set_message(part);
        let mut answered = Vec::new();
        let mut under_way = JoinSet::new();
        let mut items = items.into_iter();
        loop {
            while under_way.len() < self.limits.in_flight && Instant::now() < self.limits.until {
                let Some(item) = items.next() else { break };
                under_way.spawn(send(Arc::clone(&self.server), item));
            }
            let Some(ended) = under_way.join_next().await else {
                return Ok(answered);
            };
            answered.push(ended??);
            self.bar.inc(1);
        }
    }
}

impl Receipts {
    fn of(&self, sale: &Sale) -> Option<String> {
        let Proof::Receipt(pick) = sale.proof else {
            return None;
        };
        let receipts = &self.0[sale.link];
        let at = usize::try_from(pick.checked_rem(receipts.len() as u64)?).ok()?;
        receipts[at].clone()
    }
}

/// It draws on standard error, and nothing where that is no terminal.
fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<20} {bar:40} {human_pos}/{human_len} {per_sec} {eta}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
