//! How often an address may click: each click of a batch counts, unless its company's key came with it.

use serde_json::{Value, json};

use crate::account::{click_body, with};
use crate::http::{Request, fresh_address};
use crate::server::Launch;
use crate::site::Site;

const CLICKS_PER_HOUR: usize = 6;

#[test]
fn a_batchs_clicks_count_one_by_one() {
    let site = Site::new();
    let server = Launch::new().set("--clicks-per-ip-per-hour", CLICKS_PER_HOUR).start(&site);
    let company = server.company();
    let link = server.link(&company);
    let click = with(click_body(&company, &link), json!({ "type": "click" }));
    let unknown = with(click.clone(), json!({ "code": "nobodys-code" }));
    let address = fresh_address();
    let statuses = |has_key: bool, items: &[&Value]| -> Vec<u64> {
        let batch = Request::post("/track/batch").from(address);
        let batch = if has_key { batch.key(&company.key) } else { batch };
        let data = server.send(&batch.json(&json!(items))).good();
        let results = data["results"].as_array().expect("results").iter();
        results.map(|result| result["status"].as_u64().expect("a status")).collect()
    };
    assert_eq!(statuses(true, &[&click; 2 * CLICKS_PER_HOUR]), [200; 2 * CLICKS_PER_HOUR], "the company vouches");
    assert_eq!(statuses(false, &[&click; 3]), [200; 3], "all within the limit");
    let over = [&click, &unknown, &click, &click, &click, &click];
    assert_eq!(statuses(false, &over), [200, 404, 200, 200, 429, 429], "the first are within it");
    assert_eq!(statuses(true, &[&click; 2]), [200; 2], "the key's are not the address's");
    let one = server.send(&Request::post("/track/click").from(address).json(&click_body(&company, &link)));
    assert!(one.status == 429 && one.code() == "RATE_LIMITED", "{one:?}");
    server.dashboard_says(&company, 2 * CLICKS_PER_HOUR as u64 + 8, 0);
    server.stop();
}
