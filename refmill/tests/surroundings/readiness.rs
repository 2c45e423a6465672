//! Servers that go away and come back under running roles: each role names them, and goes on with all that needs none of them.

use crate::role::Launch;
use crate::servers::{Own, Place};
use crate::shop::{SETTLED, Shop};

const AWAY: [&str; 2] = ["ClickHouse is away", "Redis is away"];

#[test]
fn a_server_that_is_away_is_named_and_what_needs_it_not_goes_on() {
    let own = Own::start(&[], &["postgres", "redis", "clickhouse"]);
    let place = Place::on(&own);
    let [process, api, edge] = ["process", "api", "ingest"].map(|verb| Launch::new(verb, &place).start());
    let shop = Shop::open(&api);
    shop.await_known(&edge);
    shop.click_and_sale(&edge);
    shop.dashboard_says(&api, 2, 1);
    for role in [&process, &api, &edge] {
        let (status, text) = role.readiness();
        assert!(status == 200 && !text.contains("degraded"), "{text}");
    }

    own.tell("kill", &["clickhouse", "redis"]);
    process.await_readiness(SETTLED, 200, &[r#""degraded":["#, AWAY[0], AWAY[1]]);
    api.await_readiness(SETTLED, 200, &[r#""degraded":["#, AWAY[0]]);
    assert!(!api.readiness().1.contains("Redis") && !edge.readiness().1.contains("degraded"));
    assert_eq!(process.metric(r#"refmill_server_away{server="redis"}"#), 1.0);
    let sale = shop.sale(&edge).good();
    assert_eq!(shop.decided(&api, &sale)["commissionAmount"], 1000);
    assert!(shop.read(&api, "/companies/dashboard").is_put_off());
    assert_eq!(shop.read(&api, "/companies/settings").status, 200);

    own.tell("start", &["clickhouse", "redis"]);
    for role in [&process, &api] {
        crate::wait::eventually(SETTLED, "nothing is degraded", || {
            let (status, text) = role.readiness();
            crate::wait::holds(status == 200 && !text.contains("degraded"), text)
        });
    }
    shop.dashboard_says(&api, 2, 2);

    // Without Postgres nothing is decided and nobody answered; what comes in is kept all the same.
    own.tell("kill", &["postgres"]);
    for role in [&process, &api] {
        role.await_readiness(SETTLED, 503, &["Postgres is away"]);
    }
    assert_eq!(shop.click(&edge).good()["tracked"], true);
    own.tell("start", &["postgres"]);
    for role in [&process, &api, &edge] {
        role.await_readiness(SETTLED, 200, &[]);
    }
    shop.click_and_sale(&edge);
    shop.dashboard_says(&api, 4, 3);
    for role in [edge, api, process] {
        role.stop();
    }
}
