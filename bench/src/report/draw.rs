//! Charts: each drawn twice, for a page and for a phone, with its title and what it shows for those who don't see it.

mod bars;
mod lines;
mod scale;

use std::fmt::{self, Display};

pub(crate) use bars::{Bars, Row, Segment};
pub(crate) use lines::{Lines, Point, SERIES_MAX, Series};
pub(crate) use scale::{Axis, Scale};

use super::markup::Markup;

pub(crate) struct Figure {
    pub(crate) id: String,
    pub(crate) title: String,
    /// What is to be read from it, in a sentence or two.
    pub(crate) says: String,
    pub(crate) drawing: Drawing,
}

pub(crate) enum Drawing {
    Lines(Lines),
    Bars(Bars),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Wide,
    Narrow,
}

impl Size {
    fn class(self) -> &'static str {
        if self == Size::Wide { "wide" } else { "narrow" }
    }

    fn width(self) -> f64 {
        if self == Size::Wide { 760.0 } else { 360.0 }
    }
}

/// A chart with the table of what it was drawn from.
pub(crate) fn figure(page: &mut Markup, figure: &Figure, table: impl FnOnce(&mut Markup)) {
    page.within("figure", &[("id", &figure.id)], |page| {
        page.within("figcaption", &[], |page| {
            page.element("h3", &[], &figure.title);
            page.element("p", &[], &figure.says);
        });
        if let Drawing::Bars(bars) = &figure.drawing {
            bars.legend(page);
        }
        for size in [Size::Wide, Size::Narrow] {
            svg(page, figure, size);
        }
        if let Drawing::Lines(lines) = &figure.drawing {
            lines.legend(page);
        }
        table(page);
    });
    page.line();
}

fn svg(page: &mut Markup, figure: &Figure, size: Size) {
    let class = size.class();
    let (title, says) = (format!("{}-{class}-title", figure.id), format!("{}-{class}-says", figure.id));
    let height = match &figure.drawing {
        Drawing::Lines(_) => lines::height(size),
        Drawing::Bars(bars) => bars.height(size),
    };
    let view = format!("0 0 {} {}", size.width(), height);
    let named_by = format!("{title} {says}");
    page.within(
        "svg",
        &[("class", &class), ("viewBox", &view), ("role", &"img"), ("aria-labelledby", &named_by)],
        |page| {
            page.element("title", &[("id", &title)], &figure.title);
            page.element("desc", &[("id", &says)], &figure.says);
            match &figure.drawing {
                Drawing::Lines(lines) => lines.draw(page, size),
                Drawing::Bars(bars) => bars.draw(page, size),
            }
        },
    );
    page.line();
}

/// A place on the page, to a tenth.
#[derive(Clone, Copy)]
struct At(f64);

impl Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0)
    }
}

/// Of text in the charts' size, in most fonts a little less.
fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * 7.2
}

/// From one line of text to the next.
const LINE: f64 = 15.0;

/// One line or two: what does not fit into the first goes to the second from a comma on.
fn wrapped(text: &str, room: f64) -> Vec<String> {
    let commas = text.match_indices(", ").map(|(at, _)| at + 1);
    match commas.filter(|at| width_of(&text[..*at]) <= room).last() {
        Some(at) if width_of(text) > room => vec![text[..at].to_owned(), fitting(text[at..].trim_start(), room)],
        _ => vec![fitting(text, room)],
    }
}

/// Lines of text around a height.
fn write(page: &mut Markup, class: &str, (x, middle): (f64, f64), lines: &[String]) {
    let first = middle + 4.0 - LINE * (lines.len() - 1) as f64 / 2.0;
    for (line, n) in lines.iter().zip(0_u8..) {
        label(page, class, (x, first + LINE * f64::from(n)), line);
    }
}

/// The text, or as much of it as there is room for.
fn fitting(text: &str, room: f64) -> String {
    if width_of(text) <= room {
        return text.to_owned();
    }
    let letters = (room / width_of("x")).floor().max(2.0) as usize - 1;
    text.chars().take(letters).chain(['…']).collect()
}

fn line(page: &mut Markup, class: &str, from: (f64, f64), to: (f64, f64)) {
    let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(At);
    page.empty("line", &[("class", &class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
}

fn label(page: &mut Markup, class: &str, (x, y): (f64, f64), text: impl Display) {
    page.element("text", &[("class", &class), ("x", &At(x)), ("y", &At(y))], text);
}
