//! Reads a CSV of order lines and sums each invoice exactly.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, bail};

/// The lines of one invoice, summed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invoice {
    pub(super) number: String,
    pub(super) customer: Option<String>,
    pub(super) total_pence: i64,
}

/// Why an invoice is no sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NoSale {
    Cancelled,
    Malformed,
    NotPositive,
    NotWholePence,
    TooLarge,
    OverLimit,
}

pub(super) struct Orders {
    pub(super) invoices: Vec<Invoice>,
    pub(super) skipped: BTreeMap<NoSale, u64>,
}

/// Unit prices are summed in millionths of a pound, which holds up to six decimals of them.
const PRICE_DECIMALS: usize = 6;
const MICROS_A_PENNY: i128 = 10_000;
/// What a sale may be at most.
const TOTAL_LIMIT_PENCE: i128 = 1_000_000_000_000;
const NUMBER_LIMIT: usize = 255;

impl NoSale {
    pub(super) fn describe(self) -> &'static str {
        match self {
            NoSale::Cancelled => "cancelled",
            NoSale::Malformed => "malformed",
            NoSale::NotPositive => "nothing to pay",
            NoSale::NotWholePence => "no whole pennies",
            NoSale::TooLarge => "too large",
            NoSale::OverLimit => "past --max-orders",
        }
    }
}

/// Invoices in the order in which their first lines stand; their lines may be anywhere.
pub(super) fn read(bytes: &[u8], at_most: usize) -> anyhow::Result<Orders> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let columns = Columns::find(reader.byte_headers().context("the first line could not be read")?)?;
    let mut sums: Vec<Sum> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let number = columns.text(&record, columns.invoice).unwrap_or_default();
        let at = *place.entry(number.clone()).or_insert(sums.len());
        if at == sums.len() {
            sums.push(Sum::new(number));
        }
        sums[at].add(&columns, &record);
    }
    Ok(judge(sums, at_most))
}

fn judge(sums: Vec<Sum>, at_most: usize) -> Orders {
    let mut orders = Orders { invoices: Vec::new(), skipped: BTreeMap::new() };
    for sum in sums {
        match sum.judge() {
            Ok(invoice) if orders.invoices.len() < at_most => orders.invoices.push(invoice),
            Ok(_) => *orders.skipped.entry(NoSale::OverLimit).or_default() += 1,
            Err(reason) => *orders.skipped.entry(reason).or_default() += 1,
        }
    }
    orders
}

struct Columns {
    invoice: usize,
    quantity: usize,
    unit_price: usize,
    customer: usize,
}

impl Columns {
    fn find(header: &csv::ByteRecord) -> anyhow::Result<Self> {
        let column = |name: &str| {
            let plain = |field: &[u8]| field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field).trim_ascii().to_vec();
            let Some(at) = header.iter().position(|field| plain(field) == name.as_bytes()) else {
                bail!("there is no column {name}: it takes InvoiceNo, Quantity, UnitPrice and CustomerID");
            };
            Ok(at)
        };
        Ok(Self {
            invoice: column("InvoiceNo")?,
            quantity: column("Quantity")?,
            unit_price: column("UnitPrice")?,
            customer: column("CustomerID")?,
        })
    }

    fn text(&self, record: &csv::ByteRecord, column: usize) -> Option<String> {
        let field = std::str::from_utf8(record.get(column)?).ok()?.trim();
        Some(field.to_owned())
    }
}

struct Sum {
    number: String,
    customer: Option<String>,
    /// `None` from the first line on that is no quantity and price.
    micros: Option<i128>,
}

impl Sum {
    fn new(number: String) -> Self {
        Self { number, customer: None, micros: Some(0) }
    }

    fn add(&mut self, columns: &Columns, record: &csv::ByteRecord) {
        let line = || {
            let quantity: i64 = columns.text(record, columns.quantity)?.parse().ok()?;
            let price = micros(&columns.text(record, columns.unit_price)?)?;
            i128::from(quantity).checked_mul(price)
        };
        self.micros = self.micros.and_then(|sum| sum.checked_add(line()?));
        let customer = columns.text(record, columns.customer);
        self.customer = self.customer.take().or(customer.filter(|text| !text.is_empty()));
    }

    fn judge(self) -> Result<Invoice, NoSale> {
        if self.number.starts_with(['C', 'c']) {
            return Err(NoSale::Cancelled);
        }
        if self.number.is_empty() || self.number.len() > NUMBER_LIMIT {
            return Err(NoSale::Malformed);
        }
        let micros = self.micros.ok_or(NoSale::Malformed)?;
        if micros <= 0 {
            return Err(NoSale::NotPositive);
        }
        let pence = micros / MICROS_A_PENNY;
        if pence > TOTAL_LIMIT_PENCE {
            return Err(NoSale::TooLarge);
        }
        if micros % MICROS_A_PENNY != 0 {
            return Err(NoSale::NotWholePence);
        }
        Ok(Invoice {
            number: self.number,
            customer: self.customer,
            total_pence: i64::try_from(pence).map_err(|_| NoSale::TooLarge)?,
        })
    }
}

/// `"1.25"` is 1,250,000. A sign may stand in front.
fn micros(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(decimals) || decimals.len() > PRICE_DECIMALS {
        return None;
    }
    let all: i64 = format!("{whole}{decimals:0<PRICE_DECIMALS$}").parse().ok()?;
    Some(sign * i128::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str, expected: Result<i64, NoSale>) {
        let text = format!("InvoiceNo,Description,Quantity,UnitPrice,CustomerID\n{lines}\n");
        let orders = read(text.as_bytes(), 10).unwrap();
        let found = match (orders.invoices.as_slice(), orders.skipped.keys().next()) {
            ([invoice], None) => Ok(invoice.total_pence),
            ([], Some(reason)) => Err(*reason),
            other => panic!("{lines}: {other:?}"),
        };
        assert_eq!(found, expected, "{lines}");
    }

    #[test]
    fn pennies_are_exact() {
        check("1,a,24,0.85,9", Ok(2_040));
        check("1,a,3,0.1,9\n1,b,1,0.2,9", Ok(50));
        check("1,a,1,4.95,9\n1,b,-1,0.95,9", Ok(400));
        check("1,a,1,19.99,9\n1,\"b, with \"\"quotes\"\"\",7,0.07,9", Ok(2_048));
        check("1,a,1000,0.001,9", Ok(100));
        check("1,a,5,2,", Ok(1_000));
        check("1,a,100000000,100.01,9", Err(NoSale::TooLarge));
        check("1,a,100000000,100,9", Ok(1_000_000_000_000));
    }

    #[test]
    fn what_is_no_sale() {
        check("C1,a,-3,0.85,9", Err(NoSale::Cancelled));
        check("1,a,0,0.85,9", Err(NoSale::NotPositive));
        check("1,a,1,0.85,9\n1,b,-1,0.85,9", Err(NoSale::NotPositive));
        check("1,a,1,-11062.06,9", Err(NoSale::NotPositive));
        check("1,a,1,0.001,9", Err(NoSale::NotWholePence));
        for line in [
            "1,a,1.5,1,9",
            "1,a,x,1,9",
            "1,a,1,1e3,9",
            "1,a,1,.5,9",
            "1,a,1,5.,9",
            "1,a,1,0.0000001,9",
            "1,a,1,+1,9",
            "1,a,1",
            ",a,1,1,9",
        ] {
            check(line, Err(NoSale::Malformed));
        }
        check("1,a,1,1,9\n1,a,1,bad,9\n1,a,1,1,9", Err(NoSale::Malformed));
        check("1,a,9223372036854775807,9223372036.854775,9", Err(NoSale::TooLarge));
    }

    #[test]
    fn lines_of_an_invoice_may_be_apart_and_the_limit_counts_invoices() {
        let text = "CustomerID,UnitPrice,Quantity,InvoiceNo\n,1,1,1\n8,2,1,2\n9,3,1,1\n,4,1,3\n";
        let orders = read(text.as_bytes(), 2).unwrap();
        let invoice = |number: &str, customer: &str, total_pence| Invoice {
            number: number.to_owned(),
            customer: Some(customer.to_owned()),
            total_pence,
        };
        assert_eq!(orders.invoices, [invoice("1", "9", 400), invoice("2", "8", 200)]);
        assert_eq!(orders.skipped, BTreeMap::from([(NoSale::OverLimit, 1)]));
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        for text in ["", "a,b\n1,2\n", "InvoiceNo,Quantity,CustomerID\n"] {
            let said = read(text.as_bytes(), 1).err().expect("refused").to_string();
            assert!(said.contains("there is no column"), "{said}");
        }
    }
}
