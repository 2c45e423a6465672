//! Runs that don't count: which, and why. A figure of theirs is nowhere on the page.

use super::{
    groups::Placed,
    labels,
    markup::Markup,
    tables::{Cell, table, text},
};

pub(crate) fn section(page: &mut Markup, placed: &[Placed<'_>]) {
    let rows: Vec<Vec<Cell>> = placed.iter().filter_map(row).collect();
    if !rows.is_empty() {
        table(page, "Discarded runs", &["Run", "Target", "Load", "Why"], &rows);
    }
}

fn row(placed: &Placed<'_>) -> Option<Vec<Cell>> {
    let run = placed.run;
    let why = Cell::Bad(run.discarded.clone()?);
    Some(vec![text(&placed.place), text(&run.target.name), text(labels::load(&run.load)), why])
}
