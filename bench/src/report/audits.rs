//! What was counted twice.

use crate::record::{AuditLine, Document};

use super::{
    figures::{Audited, audited},
    groups::{self, Placed},
    labels,
    markup::Markup,
    numbers::count,
    tables::{Cell, number, table, text},
};

/// Runs of one target that belong together: one alone, a sweep's steps, or a comparison's rounds.
struct Part<'a> {
    name: &'a str,
    target: &'a str,
    runs: Vec<&'a Placed<'a>>,
}

pub(crate) fn section(page: &mut Markup, document: &Document) {
    let placed = groups::every(document);
    let parts = parts(&placed);
    if parts.is_empty() {
        return;
    }
    let rows: Vec<Vec<Cell>> = parts.iter().map(summary_row).collect();
    table(page, "Every run that counts", &["Run", "Target", "Load", "Runs", "Lines", "Audit"], &rows);
    parts.iter().filter(|part| part.lines() > 0).for_each(|part| lines(page, part));
}

fn parts<'a>(placed: &'a [Placed<'a>]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for placed in placed.iter().filter(|placed| placed.run.discarded.is_none()) {
        let (name, target) = (placed.part.as_str(), placed.run.target.name.as_str());
        match parts.iter_mut().find(|part| part.name == name && part.target == target) {
            Some(part) => part.runs.push(placed),
            None => parts.push(Part { name, target, runs: vec![placed] }),
        }
    }
    parts
}

impl Part<'_> {
    fn lines(&self) -> usize {
        self.runs.iter().map(|placed| placed.run.audit.len()).sum()
    }

    fn broken(&self) -> usize {
        self.runs.iter().flat_map(|placed| &placed.run.audit).filter(|line| !line.holds()).count()
    }

    fn unaudited(&self) -> usize {
        self.runs.iter().filter(|placed| audited(placed.run) == Audited::No).count()
    }

    /// Of all its runs as far as they are alike.
    fn load(&self) -> String {
        let load = &self.runs[0].run.load;
        match self.runs.iter().all(|placed| placed.run.load == *load) {
            true => labels::load(load),
            false => format!("{}, {}", labels::kind(load), labels::connections(load)),
        }
    }
}

fn summary_row(part: &Part<'_>) -> Vec<Cell> {
    let n = |of: usize| count(of as u64);
    let verdict = match (part.broken(), part.unaudited()) {
        (0, 0) => Cell::Good("holds".to_owned()),
        (0, none) if none == part.runs.len() => text("not audited"),
        (0, none) => text(format_args!("holds, but {} not audited", n(none))),
        (broken, _) => Cell::Bad(format!("{} of {} does not hold", n(broken), n(part.lines()))),
    };
    let (runs, lines) = (number(n(part.runs.len())), number(n(part.lines())));
    vec![text(part.name), text(part.target), text(part.load()), runs, lines, verdict]
}

/// What does not hold is not folded away.
fn lines(page: &mut Markup, part: &Part<'_>) {
    let broken = part.broken() > 0;
    let caption = format!("{}: {}", part.name, part.target);
    let (class, says) = if broken { ("bad", "does not hold") } else { ("good", "holds") };
    let each = part.runs.iter().flat_map(|placed| placed.run.audit.iter().map(move |line| (*placed, line)));
    let rows: Vec<Vec<Cell>> = each.map(|(placed, line)| line_row(placed, line)).collect();
    let attributes: &[(&'static str, &dyn std::fmt::Display)] = &[("class", &"data"), ("open", &"open")];
    page.within("details", if broken { attributes } else { &attributes[..1] }, |page| {
        page.within("summary", &[], |page| {
            page.text(format_args!("{caption}: "));
            page.element("span", &[("class", &class)], says);
        });
        table(page, &caption, &["What", "Run", "Expected", "Found", "Verdict"], &rows);
    });
    page.line();
}

fn line_row(placed: &Placed<'_>, line: &AuditLine) -> Vec<Cell> {
    let verdict = if line.holds() {
        Cell::Good("holds".to_owned())
    } else {
        let by = line.found.saturating_sub(line.expected);
        Cell::Bad(format!("does not hold, by {}{}", if by > 0 { "+" } else { "" }, count(by)))
    };
    vec![text(&line.what), text(&placed.place), number(count(line.expected)), number(count(line.found)), verdict]
}
