use redis::{FromRedisValue, Script, ScriptInvocation, aio::ConnectionManager};
use schemas::time::{DAY_MS, HOUR_MS};

use super::keys::Keys;
use crate::{StoreError, touches::RECENT_FOR_MS};

/// Over how many hashes a partition's links are spread, by the first byte of their ids.
pub(super) const BUCKETS: u32 = 256;

/// Links are kept half a year at least, and up to a quarter longer: hashes expire by the quarter.
const LINKS_KEPT_DAYS: i64 = 180;
const PERIOD_DAYS: i64 = 90;

/// How long a processor may be away before its event ids are lost and its touches are made anew.
const RECENT_KEPT_DAYS: i64 = 8;

/// Outlives all that it speaks of.
const PROGRESS_KEPT_DAYS: i64 = LINKS_KEPT_DAYS + 2 * PERIOD_DAYS;

pub(super) const DONE: u8 = 0;
pub(super) const MOVED: u8 = 1;
pub(super) const UNFOLDED: u8 = 2;
pub(super) const PART_GONE: u8 = 3;

/// Each is one atomic step on the server, sent as its hash and loaded where the server does not know it.
pub(super) struct Scripts {
    pub(super) commit: Script,
    pub(super) fold: Script,
    pub(super) forget: Script,
}

impl Scripts {
    pub(super) fn new() -> Scripts {
        let script = |body: &str| Script::new(&[&constants(), include_str!("shared.lua"), body].concat());
        Scripts {
            commit: script(include_str!("commit.lua")),
            fold: script(include_str!("fold.lua")),
            forget: script(include_str!("forget.lua")),
        }
    }
}

pub(super) fn on<'a>(script: &'a Script, keys: &Keys) -> ScriptInvocation<'a> {
    let mut call = script.prepare_invoke();
    call.key(&keys.progress).key(&keys.journal).arg(&keys.root);
    call
}

pub(super) async fn run<T: FromRedisValue>(
    call: &ScriptInvocation<'_>,
    connection: &mut ConnectionManager,
) -> Result<T, StoreError> {
    Ok(call.invoke_async(connection).await?)
}

fn constants() -> String {
    let seconds = |days: i64| days * DAY_MS / 1000;
    let numbers = [
        ("BUCKETS", i64::from(BUCKETS)),
        ("PERIOD_S", seconds(PERIOD_DAYS)),
        ("LINKS_KEPT_S", seconds(LINKS_KEPT_DAYS)),
        ("RECENT_KEPT_S", seconds(RECENT_KEPT_DAYS)),
        ("PROGRESS_KEPT_S", seconds(PROGRESS_KEPT_DAYS)),
        ("RECENT_HOURS", RECENT_FOR_MS / HOUR_MS),
        ("DONE", i64::from(DONE)),
        ("MOVED", i64::from(MOVED)),
        ("UNFOLDED", i64::from(UNFOLDED)),
        ("PART_GONE", i64::from(PART_GONE)),
    ];
    numbers.map(|(name, number)| format!("local {name} = {number}\n")).concat()
}
