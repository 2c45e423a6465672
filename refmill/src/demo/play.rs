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
    /// Of sales that were answered as attributed, less their refunds.
    pub(super) revenue_pence: i64,
}

/// Clicks and sales take turns, so that sales don't all come from the last click of their code.
const ROUNDS: usize = 24;

/// Sales before any click, then rounds of clicks and sales, then refunds: each part once the one before it is answered.
pub(super) async fn play(server: Arc<Server>, links: usize, input: Input, limits: Limits) -> anyhow::Result<Played> {
    let sales = input.sales.iter().map(Sale::requests).sum::<u64>();
    let refunds = input.sales.iter().filter(|sale| sale.refund.is_some()).count();
    let mut player = Player {
        bar: bar((input.clicks.len() + refunds) as u64 + sales),
        server,
        limits,
        receipts: vec![Vec::new(); links],
        played: Played { tally: Tally::default(), unsent: 0, revenue_pence: 0 },
    };
    let (early, later): (Vec<_>, Vec<_>) = input.sales.into_iter().partition(|sale| sale.proof == Proof::None);
    let mut due = player.sell(early).await?;
    for (clicks, sales) in in_rounds(input.clicks).zip(in_rounds(later)) {
        player.click(clicks).await?;
        due.extend(player.sell(sales).await?);
    }
    player.refund(due).await?;
    player.bar.finish_and_clear();
    Ok(player.played)
}

/// Equal parts in order, as far as that goes.
fn in_rounds<T>(items: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let all = items.len();
    let mut items = items.into_iter();
    (0..ROUNDS).map(move |round| items.by_ref().take(all * (round + 1) / ROUNDS - all * round / ROUNDS).collect())
}

struct Player {
    server: Arc<Server>,
    limits: Limits,
    bar: ProgressBar,
    /// Of the clicks so far, by link, in the order of the log. `None` where a click got none.
    receipts: Vec<Vec<Option<String>>>,
    played: Played,
}

/// A refund that is due, of this conversion.
struct Due {
    conversion: String,
    number: String,
    refund: Refund,
    /// What the refund takes away from the revenue.
    revenue_pence: i64,
}

impl Player {
    async fn click(&mut self, clicks: Vec<Click>) -> anyhow::Result<()> {
        let planned = clicks.len();
        let send = |server: Arc<Server>, (at, click): (usize, Click)| async move {
            let answers = server.click(&click).await?;
            Ok((at, click.link, answers))
        };
        let mut answered = self.each("clicks", clicks.into_iter().enumerate().collect(), send).await?;
        answered.sort_unstable_by_key(|(at, ..)| *at);
        self.played.unsent += planned - answered.len();
        for (_, link, answers) in answered {
            self.played.tally.add(Kind::Click, &answers);
            if let Some(link) = link {
                self.receipts[link].push(answers.last().and_then(Answer::receipt).map(str::to_owned));
            }
        }
        Ok(())
    }

    /// Answers with the refunds that are due.
    async fn sell(&mut self, sales: Vec<Sale>) -> anyhow::Result<Vec<Due>> {
        let planned = sales.len();
        let send = |server: Arc<Server>, (sale, receipt): (Sale, Option<String>)| async move {
            let mut answers = server.sale(&sale, receipt.as_deref()).await?;
            if sale.sent_twice {
                answers.extend(server.sale(&sale, receipt.as_deref()).await?);
            }
            Ok((sale, answers))
        };
        let with_receipts = sales.into_iter().map(|sale| (self.receipt_for(&sale), sale));
        let items = with_receipts.map(|(receipt, sale)| (sale, receipt)).collect();
        let answered = self.each("sales", items, send).await?;
        self.played.unsent += planned - answered.len();
        let mut due = Vec::new();
        for (sale, answers) in answered {
            self.played.tally.add(Kind::Sale, &answers);
            self.bar.inc(sale.requests() - 1);
            let conversion = answers.iter().find_map(Answer::conversion).map(str::to_owned);
            let counts = answers.iter().any(Answer::is_attributed);
            let revenue_pence = |amount_pence: i64| if counts { amount_pence } else { 0 };
            self.played.revenue_pence += revenue_pence(sale.invoice.total_pence);
            let named = conversion.zip(sale.refund);
            due.extend(named.map(|(conversion, refund)| Due {
                conversion,
                revenue_pence: revenue_pence(refund.amount_pence(sale.invoice.total_pence)),
                number: sale.invoice.number,
                refund,
            }));
        }
        Ok(due)
    }

    fn receipt_for(&self, sale: &Sale) -> Option<String> {
        let Proof::Receipt(pick) = sale.proof else {
            return None;
        };
        let receipts = &self.receipts[sale.link];
        let at = usize::try_from(pick.checked_rem(receipts.len() as u64)?).ok()?;
        receipts[at].clone()
    }

    async fn refund(&mut self, due: Vec<Due>) -> anyhow::Result<()> {
        let planned = due.len();
        let send = |server: Arc<Server>, due: Due| async move {
            Ok((due.revenue_pence, server.refund(&due.conversion, &due.number, due.refund).await?))
        };
        let answered = self.each("refunds", due, send).await?;
        self.played.unsent += planned - answered.len();
        for (revenue_pence, answers) in answered {
            self.played.tally.add(Kind::Refund, &answers);
            self.played.revenue_pence -= if answers.iter().any(Answer::is_done) { revenue_pence } else { 0 };
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

/// It draws on standard error, and nothing where that is no terminal.
fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<8} {bar:40} {human_pos}/{human_len} {per_sec} {eta}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_hold_everything_in_order() {
        for all in [0, 1, ROUNDS - 1, ROUNDS, ROUNDS + 1, 1_494] {
            let rounds: Vec<Vec<usize>> = in_rounds((0..all).collect()).collect();
            assert_eq!(rounds.len(), ROUNDS);
            assert!(rounds.iter().all(|round| round.len() <= all / ROUNDS + 1), "{all}");
            assert_eq!(rounds.concat(), (0..all).collect::<Vec<_>>(), "{all}");
        }
    }
}
