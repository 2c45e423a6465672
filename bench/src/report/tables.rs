use std::fmt::Display;

use super::markup::Markup;

pub(crate) enum Cell {
    Text(String),
    Number(String),
    Good(String),
    Bad(String),
}

pub(crate) fn text(text: impl Display) -> Cell {
    Cell::Text(text.to_string())
}

pub(crate) fn number(number: impl Display) -> Cell {
    Cell::Number(number.to_string())
}

/// A row's first cell names it. One too wide for the page scrolls by itself.
pub(crate) fn table(page: &mut Markup, caption: &str, heads: &[&str], rows: &[Vec<Cell>]) {
    page.within(
        "div",
        &[("class", &"scroll"), ("tabindex", &0), ("role", &"group"), ("aria-label", &caption)],
        |page| {
            page.within("table", &[], |page| {
                page.element("caption", &[], caption);
                page.within("thead", &[], |page| page.within("tr", &[], |page| head(page, heads, rows.first())));
                page.within("tbody", &[], |page| rows.iter().for_each(|row| body_row(page, row)));
            });
        },
    );
    page.line();
}

/// One that is there to be looked up and not to be seen first.
pub(crate) fn folded(page: &mut Markup, summary: &str, caption: &str, heads: &[&str], rows: &[Vec<Cell>]) {
    page.within("details", &[("class", &"data")], |page| {
        page.element("summary", &[], summary);
        table(page, caption, heads, rows);
    });
    page.line();
}

fn head(page: &mut Markup, heads: &[&str], first: Option<&Vec<Cell>>) {
    for (at, head) in heads.iter().enumerate() {
        let is_number = first.and_then(|row| row.get(at)).is_some_and(|cell| matches!(cell, Cell::Number(_)));
        page.element("th", &[("scope", &"col"), ("class", &(if is_number { "n" } else { "t" }))], head);
    }
}

fn body_row(page: &mut Markup, row: &[Cell]) {
    page.within("tr", &[], |page| {
        for (at, cell) in row.iter().enumerate() {
            let (class, text) = match cell {
                Cell::Text(text) => ("t", text),
                Cell::Number(text) => ("n", text),
                Cell::Good(text) => ("good", text),
                Cell::Bad(text) => ("bad", text),
            };
            if at == 0 {
                page.element("th", &[("scope", &"row"), ("class", &class)], text);
            } else {
                page.element("td", &[("class", &class)], text);
            }
        }
    });
}
