use std::fmt::Display;

use jiff::Timestamp;

use crate::record::Document;

use super::{
    audits, comparisons, costs, discarded,
    figures::{Audited, audited},
    groups::{self, Group, Placed},
    growths, latencies,
    markup::Markup,
    merge,
    numbers::{bytes, count, decimal},
    runs as each_run, speeds, stages, sweeps,
    tables::{Cell, table, text},
};

/// The whole of it: nothing on it is fetched, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A part of the page: its id, its title, what is to be known before reading it, and what it holds.
type Section = (&'static str, &'static str, &'static str, Markup);

/// One HTML file.
pub(crate) fn page(document: &Document) -> String {
    let (groups, placed) = (groups::of(document), groups::every(document));
    let sections: Vec<Section> =
        sections(document, &groups, &placed).into_iter().filter(|(.., inside)| !inside.is_empty()).collect();
    let mut page = Markup::default();
    page.own("<!DOCTYPE html>\n");
    page.within("html", &[("lang", &"en")], |page| {
        head(page);
        page.within("body", &[], |page| {
            page.within("header", &[], |page| header(page, document, &placed));
            navigation(page, &sections);
            page.within("main", &[], |page| {
                for (id, title, says, inside) in sections {
                    page.within("section", &[("id", &id)], |page| {
                        page.element("h2", &[], title);
                        page.element("p", &[], says);
                        page.made(inside);
                    });
                    page.line();
                }
            });
        });
    });
    page.finish()
}

fn sections(document: &Document, groups: &[Group<'_>], placed: &[Placed<'_>]) -> [Section; 11] {
    [
        ("compared", "Compared", COMPARED, part(|page| comparisons::section(page, &document.comparisons))),
        ("cost", "What an event costs", COST, part(|page| costs::section(page, groups))),
        ("speed", "Events a second", SPEED, part(|page| speeds::section(page, groups))),
        ("latency", "How long an answer takes", LATENCY, part(|page| latencies::section(page, groups))),
        ("knee", "As the rate rises", KNEE, part(|page| sweeps::section(page, &document.sweeps))),
        ("stages", "Until it is where it ends", STAGES, part(|page| stages::section(page, groups))),
        ("memory", "Memory", MEMORY, part(|page| costs::memory(page, groups))),
        ("growth", "As more is kept", GROWTH, part(|page| growths::section(page, &document.growths))),
        ("audit", "Counted again", AUDIT, part(|page| audits::section(page, document))),
        ("discarded", "Discarded", DISCARDED, part(|page| discarded::section(page, placed))),
        ("runs", "Every run", RUNS, part(|page| each_run::section(page, placed))),
    ]
}

fn part(write: impl FnOnce(&mut Markup)) -> Markup {
    let mut part = Markup::default();
    write(&mut part);
    part
}

const COMPARED: &str = "The same load on each target, in rounds that take turns, so that what else the machine does meets all of \
                        them. What an answer promises differs: after delivery, Kafka has it; after fsync, it is on this \
                        machine's disk; when queued, it is in memory and may be lost.";
const COST: &str = "CPU time as the operating system counts it, of every process that took part, over the events that were \
                    acknowledged. It says more than requests a second: it is what is paid for, on any number of machines.";
const SPEED: &str = "Where a rate was offered, this is at most that rate. In a closed loop each connection sends its next \
                     request when the last is answered: what the target can do on this machine, the load generator beside it.";
const LATENCY: &str = "Counted from when a request was due and not from when it was sent, so a target that falls behind can't \
                       hide it. Closed loops say nothing of latency and are not here.";
const KNEE: &str = "The same load at rising rates. The knee is the last rate before latency leaves the floor.";
const STAGES: &str = "Enqueued in the log, acknowledged, queryable in facts, posted in the ledger. When the last was enqueued the log's \
                      own stamp says, or whoever looked at the topic.";
const MEMORY: &str = "What each process held at its peak, as the operating system counts it.";
const GROWTH: &str = "The cost of an event and the bytes of a key, as more events and more keys are kept.";
const AUDIT: &str = "After a run everything that was acknowledged is looked for where it must be, once, and balances are added up \
                     again. What can't be looked at from outside is not claimed.";
const DISCARDED: &str = "These runs are no measurement, and none of their figures is on this page.";
const RUNS: &str = "Each run that counts, with what no chart shows.";

fn head(page: &mut Markup) {
    page.within("head", &[], |page| {
        page.empty("meta", &[("charset", &"utf-8")]);
        page.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &POLICY)]);
        page.empty("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
        page.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
        page.element("title", &[], "What was measured");
        page.within("style", &[], |page| page.own(include_str!("style.css")));
    });
    page.line();
}

fn navigation(page: &mut Markup, sections: &[Section]) {
    page.within("nav", &[("aria-label", &"Sections")], |page| {
        for (id, title, ..) in sections {
            page.element("a", &[("href", &format!("#{id}"))], title);
            page.text(" ");
        }
    });
    page.line();
}

/// What is to be known before any figure: how much of it counts, whether it holds, on what, when and by which command.
fn header(page: &mut Markup, document: &Document, placed: &[Placed<'_>]) {
    page.element("h1", &[], "What was measured");
    page.within("ul", &[("class", &"verdicts")], |page| verdicts(page, placed));
    let machine = &document.machine;
    let began = i64::try_from(document.began_at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    page.within("dl", &[], |page| {
        if let Some(began) = began {
            fact(page, "When", began.strftime("%Y-%m-%d %H:%M UTC"));
        }
        let cores = format!("{} {}", machine.cores, if machine.cores == 1 { "core" } else { "cores" });
        let memory = bytes(machine.memory_bytes);
        fact(page, "Machine", format_args!("{cores}, {}, {memory}, {}", machine.processor, machine.kernel));
        let load = decimal(machine.load_average_millis, 1_000, 2);
        fact(page, "Before it began", format_args!("load average {load}"));
        page.element("dt", &[], "Command");
        page.within("dd", &[], |page| {
            for command in document.command.split(|word| word == merge::AND) {
                page.element("code", &[], typed(command));
            }
        });
    });
    if !machine.versions.is_empty() {
        let rows: Vec<Vec<Cell>> =
            machine.versions.iter().map(|(product, version)| vec![text(product), text(version)]).collect();
        page.within("details", &[("class", &"data")], |page| {
            page.element("summary", &[], format_args!("Versions of {} products", rows.len()));
            table(page, "What was measured and what it stands on", &["Product", "Version"], &rows);
        });
    }
    page.line();
}

fn fact(page: &mut Markup, what: &'static str, is: impl Display) {
    page.element("dt", &[], what);
    page.element("dd", &[], is);
}

fn verdicts(page: &mut Markup, placed: &[Placed<'_>]) {
    let counted: Vec<Audited> =
        placed.iter().filter(|placed| placed.run.discarded.is_none()).map(|placed| audited(placed.run)).collect();
    let discarded = placed.len() - counted.len();
    page.element(
        "li",
        &[],
        format_args!("{} {}", runs(counted.len()), if counted.len() == 1 { "counts" } else { "count" }),
    );
    if discarded > 0 {
        page.within("li", &[("class", &"warn")], |page| {
            page.element("a", &[("href", &"#discarded")], format_args!("{} discarded", count(discarded as u64)));
        });
    }
    let broken = counted.iter().filter(|audited| matches!(audited, Audited::Broken { .. })).count();
    let unaudited = counted.iter().filter(|audited| matches!(audited, Audited::No)).count();
    let holds = counted.len() - broken - unaudited;
    if broken > 0 {
        page.within("li", &[("class", &"bad")], |page| {
            page.element("a", &[("href", &"#audit")], format_args!("the audit of {} does not hold", runs(broken)));
        });
    }
    if holds > 0 {
        page.within("li", &[("class", &"good")], |page| {
            page.element("a", &[("href", &"#audit")], format_args!("the audit of {} holds", runs(holds)));
        });
    }
    if unaudited > 0 {
        page.element("li", &[], format_args!("{} not audited", count(unaudited as u64)));
    }
}

fn runs(n: usize) -> String {
    format!("{} {}", count(n as u64), if n == 1 { "run" } else { "runs" })
}

/// As a shell takes it.
pub(crate) fn typed(command: &[String]) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    let quoted = |word: &String| match word.chars().all(plain) && !word.is_empty() {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
