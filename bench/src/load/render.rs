//! Requests as bytes. Nothing is allocated a request: bodies are written into one buffer, as their length comes before them.

use crate::{aim::Aim, record::Scenario};

use super::{
    ask::{Broken, Click, Order, Visit},
    chance::{below, spread},
    world::{Names, Prepared},
};

/// An order of a batch, its value and its receipt.
pub(crate) type Line<'a> = (Order, u64, Option<&'a [u8]>);

const BROWSERS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
];
const ROBOTS: [&str; 3] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
];
const SITE: &str = "https://demo-store.example";
const PAGES: u64 = 500;
const SOURCES: [&str; 4] = ["newsletter", "blog", "podcast", "partner"];
/// Of that form, and nobody's.
const UNKNOWN_CODE: &str = "NOBODYS-0";
const MALFORMED_CODE: &str = "not a code";

pub(crate) struct Writer {
    host: Vec<u8>,
    api_host: Vec<u8>,
    run: Vec<u8>,
    click_path: Vec<u8>,
    as_beacon: bool,
    body: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(target: &Aim, scenario: Scenario, names: &Names) -> Writer {
        let host = target.host.as_bytes().to_vec();
        Writer {
            api_host: names.api.as_ref().map_or_else(|| host.clone(), |api| api.host.as_bytes().to_vec()),
            host,
            run: names.run.as_bytes().to_vec(),
            click_path: names.path.as_deref().unwrap_or("/track/click").as_bytes().to_vec(),
            as_beacon: matches!(scenario, Scenario::Beacon | Scenario::Day),
            body: Vec::new(),
        }
    }

    pub(crate) fn click(&mut self, out: &mut Vec<u8>, codes: &[String], click: Click) {
        self.body.clear();
        click_object(&mut self.body, "{", &self.run, codes, click);
        put(out, &[b"POST ", &self.click_path]);
        head(out, &self.host, click);
        put(out, &[b"\r\ncontent-type: "]);
        if self.as_beacon {
            put(out, &[b"text/plain;charset=UTF-8\r\norigin: ", SITE.as_bytes()]);
        } else {
            put(out, &[b"application/json"]);
        }
        end(out, &self.body);
    }

    pub(crate) fn redirect(&mut self, out: &mut Vec<u8>, codes: &[String], click: Click) {
        put(out, &[b"GET /r/", codes[click.link].as_bytes()]);
        head(out, &self.host, click);
        put(out, &[b"\r\nreferer: https://blog.example/post\r\n\r\n"]);
    }

    pub(crate) fn clicks(
        &mut self,
        out: &mut Vec<u8>,
        codes: &[String],
        first: Click,
        clicks: impl Iterator<Item = Click>,
    ) {
        self.body.clear();
        for click in clicks {
            let opening = if self.body.is_empty() { "[{\"type\":\"click\"," } else { ",{\"type\":\"click\"," };
            click_object(&mut self.body, opening, &self.run, codes, click);
        }
        self.body.push(b']');
        put(out, &[b"POST /track/batch"]);
        head(out, &self.host, first);
        put(out, &[b"\r\ncontent-type: application/json"]);
        end(out, &self.body);
    }

    pub(crate) fn order(&mut self, out: &mut Vec<u8>, codes: &[String], key: Option<&str>, line: Line<'_>) {
        self.body.clear();
        order_object(&mut self.body, "{", &self.run, codes, line);
        put(out, &[b"POST /track/conversion"]);
        backend(out, &self.host, key);
        end(out, &self.body);
    }

    pub(crate) fn orders<'l>(
        &mut self,
        out: &mut Vec<u8>,
        codes: &[String],
        key: Option<&str>,
        lines: impl Iterator<Item = anyhow::Result<Line<'l>>>,
    ) -> anyhow::Result<()> {
        self.body.clear();
        for line in lines {
            let opening =
                if self.body.is_empty() { "[{\"type\":\"conversion\"," } else { ",{\"type\":\"conversion\"," };
            order_object(&mut self.body, opening, &self.run, codes, line?);
        }
        self.body.push(b']');
        put(out, &[b"POST /track/batch"]);
        backend(out, &self.host, key);
        end(out, &self.body);
        Ok(())
    }

    pub(crate) fn refund(
        &mut self,
        out: &mut Vec<u8>,
        key: Option<&str>,
        index: u64,
        order: &Prepared,
        part_minor: Option<u64>,
    ) {
        self.body.clear();
        let name = refund_name(&String::from_utf8_lossy(&self.run), index);
        put(&mut self.body, &[b"{\"refundId\":\"", name.as_bytes(), b"\""]);
        if let Some(part) = part_minor {
            put(&mut self.body, &[b",\"amount\":"]);
            number(&mut self.body, part);
        }
        put(&mut self.body, &[b",\"reason\":\"sent back\"}"]);
        put(out, &[b"POST /conversions/", order.conversion.as_bytes(), b"/refund"]);
        backend(out, &self.api_host, key);
        end(out, &self.body);
    }
}

pub(crate) fn refund_name(run: &str, index: u64) -> String {
    format!("refund-{run}-{index}")
}

/// Which code an order names: its receipt's.
pub(crate) fn link_of_order(index: u64, codes: usize) -> usize {
    below(spread(index.wrapping_mul(7)), codes as u64) as usize
}

/// One address a visitor: the low 24 bits of an odd multiple are never the same for two in a row of 16 million.
pub(crate) fn address(visitor: u64) -> [u8; 4] {
    let [.., a, b, c] = spread(visitor).to_be_bytes();
    [100, a, b, c]
}

fn click_object(body: &mut Vec<u8>, opening: &str, run: &[u8], codes: &[String], click: Click) {
    let chosen = spread(click.event);
    let code = match click.broken {
        Some(Broken::UnknownCode) => UNKNOWN_CODE,
        Some(Broken::MalformedCode) => MALFORMED_CODE,
        Some(Broken::NoPage) | None => &codes[click.link],
    };
    let site = if click.broken == Some(Broken::NoPage) { "ftp://demo-store.example" } else { SITE };
    put(
        body,
        &[opening.as_bytes(), b"\"code\":\"", code.as_bytes(), b"\",\"landingPage\":\"", site.as_bytes(), b"/p/"],
    );
    number(body, below(chosen, PAGES));
    put(body, &[b"?ref=", code.as_bytes(), b"\",\"referrer\":\"https://blog.example/post\",\"utmSource\":\""]);
    put(body, &[SOURCES[(chosen % 4) as usize].as_bytes(), b"\",\"utmMedium\":\"link\",\"utmCampaign\":\"spring-"]);
    number(body, chosen >> 8 & 15);
    if click.named {
        put(body, &[b"\",\"fingerprint\":\""]);
        hexadecimal(body, spread(!click.visitor));
        put(body, &[b"\",\"eventId\":\"", run, b"-"]);
        number(body, click.event);
    }
    put(body, &[b"\"}"]);
}

fn order_object(body: &mut Vec<u8>, opening: &str, run: &[u8], codes: &[String], line: Line<'_>) {
    let (order, value_minor, receipt) = line;
    put(body, &[opening.as_bytes(), b"\"orderId\":\"bench-", run, b"-"]);
    number(body, order.index);
    put(body, &[b"\",\"orderValue\":"]);
    number(body, value_minor);
    let code = codes[link_of_order(order.index, codes.len())].as_bytes();
    put(body, &[b",\"currency\":\"USD\",\"affiliateCode\":\"", code]);
    if let Some(receipt) = receipt {
        put(body, &[b"\",\"clickId\":\""]);
        let from = body.len();
        put(body, &[receipt]);
        // A signed byte changed: the receipt is well formed, and nobody issued it.
        if let Some(byte) = body.get_mut(from + FORGED_AT).filter(|_| order.broken) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
    }
    put(body, &[b"\",\"customerId\":\"customer-", run, b"-"]);
    number(body, order.index);
    put(body, &[b"\"}"]);
}

/// Among the characters of the event id's hash.
const FORGED_AT: usize = 48;

/// The rest of the first line, and who the visitor is.
fn head(out: &mut Vec<u8>, host: &[u8], click: Click) {
    let drawn = spread(spread(click.visitor)) >> 32;
    let agent = match click.visit {
        Visit::Person => BROWSERS[(drawn % BROWSERS.len() as u64) as usize],
        Visit::Bot => ROBOTS[(drawn % ROBOTS.len() as u64) as usize],
    };
    put(out, &[b" HTTP/1.1\r\nhost: ", host, b"\r\nuser-agent: ", agent.as_bytes(), b"\r\nx-forwarded-for: "]);
    for (nth, byte) in address(click.visitor).into_iter().enumerate() {
        if nth > 0 {
            out.push(b'.');
        }
        number(out, byte.into());
    }
}

/// The rest of the first line, and whose server calls.
fn backend(out: &mut Vec<u8>, host: &[u8], key: Option<&str>) {
    put(out, &[b" HTTP/1.1\r\nhost: ", host, b"\r\nuser-agent: shop/1.0\r\ncontent-type: application/json"]);
    if let Some(key) = key {
        put(out, &[b"\r\nx-api-key: ", key.as_bytes()]);
    }
}

fn end(out: &mut Vec<u8>, body: &[u8]) {
    put(out, &[b"\r\ncontent-length: "]);
    number(out, body.len() as u64);
    put(out, &[b"\r\n\r\n", body]);
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn hexadecimal(out: &mut Vec<u8>, number: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(
        number.to_be_bytes().iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
    );
}
