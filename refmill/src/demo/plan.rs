//! What is sent for each line of the input: a pure function of the line, so that a second run sends the same again.

use xxhash_rust::xxh3::xxh3_64;

use super::access_log::Hit;
use super::orders::Invoice;

const SHOP: &str = "https://demo-store.example";
/// The code of no link.
const UNKNOWN_CODE: &str = "no-such-link";

pub(super) struct Click {
    pub(super) hit: Hit,
    /// Of the demo's links; `None` for a code that nobody has.
    pub(super) link: Option<usize>,
    /// The same line of the same file has the same.
    pub(super) event_id: String,
}

pub(super) struct Sale {
    pub(super) invoice: Invoice,
    pub(super) link: usize,
    pub(super) proof: Proof,
    pub(super) sent_twice: bool,
    pub(super) refund: Option<Refund>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Sent before any click of the run.
    None,
    /// The code alone.
    Code,
    /// The receipt of one of the code's clicks, by this number modulo how many there are.
    Receipt(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refund {
    Whole,
    Part { amount_pence: i64 },
}

/// Of a hundred invoices.
const BEFORE_CLICKS: u64 = 10;
const WITH_RECEIPT: u64 = 20;
const SENT_TWICE: u64 = 10;
const REFUNDED_WHOLE: u64 = 10;
const REFUNDED_IN_PART: u64 = 10;

impl Click {
    pub(super) fn plan(hit: Hit, links: usize, file_hash: u64) -> Self {
        Self { link: link_of_path(&hit.path, links), event_id: format!("demo-{file_hash:016x}-{}", hit.line), hit }
    }

    pub(super) fn code<'a>(&self, codes: &'a [String]) -> &'a str {
        self.link.and_then(|link| codes.get(link)).map_or(UNKNOWN_CODE, String::as_str)
    }

    pub(super) fn landing_page(&self) -> String {
        format!("{SHOP}{}", self.hit.path)
    }
}

impl Sale {
    pub(super) fn plan(invoice: Invoice, links: usize) -> Self {
        let hash = xxh3_64(invoice.number.as_bytes());
        // A customer comes from one partner, as most do.
        let customer = invoice.customer.as_ref().unwrap_or(&invoice.number);
        Self {
            link: remainder(xxh3_64(customer.as_bytes()), links),
            proof: proof(hash),
            sent_twice: percentile(hash >> 16) < SENT_TWICE,
            refund: refund(hash >> 32, invoice.total_pence),
            invoice,
        }
    }

    /// Requests that it takes, its refund aside.
    pub(super) fn requests(&self) -> u64 {
        1 + u64::from(self.sent_twice)
    }
}

impl Refund {
    pub(super) fn amount_pence(self, total_pence: i64) -> i64 {
        match self {
            Refund::Whole => total_pence,
            Refund::Part { amount_pence } => amount_pence,
        }
    }
}

fn link_of_path(path: &str, links: usize) -> Option<usize> {
    let without_query = path.split('?').next().unwrap_or(path);
    let picked = remainder(xxh3_64(without_query.as_bytes()), links + 1);
    (picked < links).then_some(picked)
}

fn proof(hash: u64) -> Proof {
    match percentile(hash) {
        share if share < BEFORE_CLICKS => Proof::None,
        share if share < BEFORE_CLICKS + WITH_RECEIPT => Proof::Receipt(hash >> 8),
        _ => Proof::Code,
    }
}

fn refund(hash: u64, total_pence: i64) -> Option<Refund> {
    match percentile(hash) {
        share if share < REFUNDED_WHOLE => Some(Refund::Whole),
        share if share < REFUNDED_WHOLE + REFUNDED_IN_PART => {
            Some(Refund::Part { amount_pence: (total_pence / 3).max(1) })
        }
        _ => None,
    }
}

fn percentile(hash: u64) -> u64 {
    (hash & 0xffff) % 100
}

fn remainder(hash: u64, of: usize) -> usize {
    usize::try_from(hash % of as u64).expect("less than a usize")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{access_log, orders, slices};
    use super::*;

    const LINKS: usize = 8;

    fn sales() -> Vec<Sale> {
        let orders = orders::read(slices::ORDERS, usize::MAX).unwrap();
        assert_eq!((orders.invoices.len(), orders.skipped.len()), (60, 0));
        orders.invoices.into_iter().map(|invoice| Sale::plan(invoice, LINKS)).collect()
    }

    #[test]
    fn the_path_alone_picks_the_link_and_the_query_does_not() {
        for path in ["/", "/a", "/blog/tags/grok"] {
            let picked = link_of_path(path, LINKS);
            assert_eq!(link_of_path(&format!("{path}?q=1"), LINKS), picked);
            assert_eq!(link_of_path(path, LINKS), picked);
        }
        let text = String::from_utf8(slices::ACCESS_LOG.to_vec()).unwrap();
        let picked: BTreeSet<_> = text
            .lines()
            .filter_map(|line| access_log::parse(1, line).ok())
            .map(|hit| link_of_path(&hit.path, LINKS))
            .collect();
        assert_eq!(picked.len(), LINKS + 1, "every link, and none");
    }

    #[test]
    fn the_slice_has_every_kind_of_sale() {
        let sales = sales();
        let share = |of: fn(&Sale) -> bool| sales.iter().filter(|sale| of(sale)).count();
        let shares = [
            share(|sale| sale.proof == Proof::None),
            share(|sale| matches!(sale.proof, Proof::Receipt(_))),
            share(|sale| sale.sent_twice),
            share(|sale| sale.refund == Some(Refund::Whole)),
            share(|sale| matches!(sale.refund, Some(Refund::Part { .. }))),
            share(|sale| sale.refund.is_some() && sale.proof != Proof::None),
        ];
        assert!(shares.iter().all(|share| (2..20).contains(share)), "{shares:?}");
        assert!(share(|sale| sale.proof == Proof::Code) > 30, "most with the code alone");
    }

    #[test]
    fn a_second_run_sends_the_same() {
        for (first, second) in sales().iter().zip(sales()) {
            assert_eq!(
                (&first.invoice, first.link, first.proof, first.sent_twice, first.refund),
                (&second.invoice, second.link, second.proof, second.sent_twice, second.refund)
            );
            if let Some(Refund::Part { amount_pence }) = first.refund {
                assert!((1..first.invoice.total_pence).contains(&amount_pence));
            }
        }
    }

    #[test]
    fn an_event_id_is_of_its_line_and_file_and_short_enough() {
        let line = r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12 "-" "a""#;
        let id = |number, file| Click::plan(access_log::parse(number, line).unwrap(), LINKS, file).event_id;
        let ids = BTreeSet::from([id(1, 1), id(2, 1), id(1, 2), id(usize::MAX, u64::MAX)]);
        assert_eq!(ids.len(), 4);
        assert!(ids.iter().all(|id| id.len() <= 64), "{ids:?}");
        assert_eq!(id(3, 9), id(3, 9));
    }
}
