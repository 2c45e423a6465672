//! The engine against a server in this process: what it sends, what it counts, and what it must not hide.

mod counts;
mod days;
mod latencies;
mod seeds;

use std::time::Duration;

use super::{
    Hands, Loaded, Patience,
    fake::Fake,
    load,
    progress::Progress,
    saturation::Limits,
    world::{Names, World},
};
use crate::{
    aim::Aim,
    record::{Load, Offered, Scenario},
};

/// As many as a test needs on a machine that does other things too.
const HANDS: Hands = Hands {
    threads: 1,
    limits: Limits { late_p99_us: u64::MAX, late_share_ppm: 0, wanted_ppm: u32::MAX },
    patience: Patience { answer: Duration::from_secs(20), overrun: Duration::from_secs(20) },
};

fn clicks(rate: u32) -> Load {
    Load {
        scenario: Scenario::Click,
        seed: 7,
        offered: Offered::Rate(rate),
        seconds: 1,
        connections: 8,
        requests_a_connection: None,
        events_a_request: 1,
        crowd: Default::default(),
    }
}

fn world() -> World {
    let codes = ["ADA10", "ben-video", "CLEO10"].map(str::to_owned).into();
    World { names: Names { codes, run: "r1".to_owned(), ..Names::default() }, ..World::default() }
}

async fn loaded(fake: &Fake, of: &Load, world: &World, hands: Hands) -> Loaded {
    load(&fake.aim, of, world, hands, &Progress::hidden()).await.expect("a load that can be sent")
}

/// Nobody listens on the first port, and no test is ever given it.
fn nobody(fake: &Fake) -> Aim {
    Aim { address: std::net::SocketAddr::from(([127, 0, 0, 1], 1)), ..fake.aim.clone() }
}
