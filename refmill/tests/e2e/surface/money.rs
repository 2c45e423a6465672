//! Amounts that a person can check by hand, through the front door.

use serde_json::json;

use crate::account::{Company, Link, fresh};
use crate::server::{Launch, Server};
use crate::site::Site;

struct Shop<'a> {
    server: &'a Server,
    company: Company,
    link: Link,
}

impl Shop<'_> {
    /// Value, currency: commission and the partner's part of it.
    fn check(&self, value: i64, currency: &str, wanted: (i64, i64)) -> String {
        let body = json!({ "orderId": fresh("o"), "orderValue": value, "currency": currency, "affiliateCode": self.link.code });
        let sale = self.server.sale_with(&self.company, &body).good();
        let got = (sale["commissionAmount"].as_i64(), sale["affiliatePayout"].as_i64());
        assert_eq!(got, (Some(wanted.0), Some(wanted.1)), "{value} {currency}: {sale}");
        sale["conversionId"].as_str().expect("an id").to_owned()
    }

    fn refund(&self, conversion: &str, amount: i64, wanted: (i64, i64, i64)) {
        let body = json!({ "refundId": fresh("r"), "amount": amount });
        let data = self.server.refund_with(&self.company, conversion, &body).good();
        let number = |name: &str| data[name].as_i64().expect("a number");
        let got = (number("refundedAmount"), number("commissionAmount"), number("affiliatePayout"));
        assert_eq!(got, wanted, "{data}");
    }
}

#[test]
fn a_tenth_half_up_and_four_fifths_of_it() {
    let site = Site::new();
    let server = Launch::new().start(&site);
    let company = server.company();
    let link = server.link(&company);
    server.click(&company, &link);
    let shop = Shop { server: &server, company, link };
    shop.check(9999, "USD", (1000, 800));
    shop.check(1580, "JPY", (158, 126));
    shop.check(12_345, "KWD", (1235, 988));
    for (value, wanted) in [(0, (0, 0)), (4, (0, 0)), (5, (1, 1)), (14, (1, 1)), (15, (2, 2))] {
        shop.check(value, "EUR", wanted);
    }

    let thirds = shop.check(10_000, "GBP", (1000, 800));
    for wanted in [(3333, 667, 534), (6666, 333, 266), (9999, 0, 0)] {
        shop.refund(&thirds, 3333, wanted);
    }
    shop.refund(&thirds, 1, (10_000, 0, 0));
    let balances = server.read_as(&shop.company, "/balances");
    let pounds = balances.as_array().expect("a list").iter().find(|of| of["currency"] == "GBP").expect("pounds moved");
    assert_eq!((&pounds["owed"], &pounds["platformFees"]), (&json!(0), &json!(0)), "thirds return to zero");
}
