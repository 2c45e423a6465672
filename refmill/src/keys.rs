//! Publishes the keys that are due and destroys those past their time.

use std::time::Duration;

use anyhow::Context as _;
use schemas::time::{Day, MINUTE_MS, TimeMs};
use stores::catalog::{Catalog, FreshKeys};
use tokio_util::sync::CancellationToken;

/// How often the clock is looked at, so that a day's first click finds its key.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often keys are rotated within a day: what could not be wiped is tried again.
const ROTATE_EVERY_MS: i64 = MINUTE_MS;

/// Rotates keys until told to stop. A rotation that fails is tried again at the next look.
pub(crate) async fn keep(catalog: Catalog, now: fn() -> TimeMs, shutdown: CancellationToken) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut rotated: Option<(Day, TimeMs)> = None;
    while shutdown.run_until_cancelled(look.tick()).await.is_some() {
        let at = now();
        let is_due = rotated.is_none_or(|(day, last)| day != at.day() || at.since_ms(last) >= ROTATE_EVERY_MS);
        if !is_due {
            continue;
        }
        match rotate(&catalog, at).await {
            Ok(()) => rotated = Some((at.day(), at)),
            Err(error) => tracing::error!(error = format!("{error:#}"), "keys could not be rotated; trying again"),
        }
    }
}

pub(crate) async fn rotate(catalog: &Catalog, at: TimeMs) -> anyhow::Result<()> {
    let fresh = FreshKeys { today: random()?, tomorrow: random()?, receipt: random()? };
    catalog.rotate_keys(at, fresh).await?;
    Ok(())
}

/// So many random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system gave no random bytes")?;
    Ok(bytes)
}
