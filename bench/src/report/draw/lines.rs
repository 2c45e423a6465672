use super::{At, Axis, LINE, Markup, Size, label, line, scale::Ruler, scale::Scale, width_of, wrapped, write};

/// Lines from left to right, each named where it ends.
pub(crate) struct Lines {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// At most `SERIES_MAX`; a ninth would look like the first.
    pub(crate) series: Vec<Series>,
    /// A place of the x axis, and what it is.
    pub(crate) mark: Option<(u64, String)>,
    /// Places of the x axis where a value would stand had it been kept.
    pub(crate) missing: Vec<(u64, String)>,
}

pub(crate) const SERIES_MAX: usize = 8;

pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

pub(crate) struct Point {
    pub(crate) x: u64,
    pub(crate) y: u64,
    /// Shown to who points at it.
    pub(crate) says: String,
}

const LETTERS: [&str; SERIES_MAX] = ["A", "B", "C", "D", "E", "F", "G", "H"];
/// As many as there is room for, but no more.
const X_TICKS_MAX: u64 = 8;
const LABELS_MAX: f64 = 205.0;

pub(crate) fn height(size: Size) -> f64 {
    if size == Size::Wide { 360.0 } else { 300.0 }
}

/// Where the lines go, and what stands where on it.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Ruler,
    y: Ruler,
}

impl Plot {
    fn at(&self, x: u64, y: u64) -> (f64, f64) {
        (self.across(x), self.up(y))
    }

    fn across(&self, x: u64) -> f64 {
        self.left + self.x.place(x) * (self.right - self.left)
    }

    fn up(&self, y: u64) -> f64 {
        self.bottom - self.y.place(y) * (self.bottom - self.top)
    }
}

impl Lines {
    /// On a phone lines are named by letters: these.
    pub(super) fn legend(&self, page: &mut Markup) {
        page.within("ul", &[("class", &"legend narrow")], |page| {
            for (at, series) in self.series.iter().enumerate() {
                page.within("li", &[], |page| {
                    page.element("b", &[("class", &format!("key c{}", at + 1))], LETTERS.get(at).unwrap_or(&"·"));
                    page.text(&series.name);
                });
            }
        });
    }

    pub(super) fn draw(&self, page: &mut Markup, size: Size) {
        let plot = self.plot(size);
        self.draw_axes(page, &plot);
        if let Some((x, says)) = &self.mark {
            draw_mark(page, &plot, *x, says);
        }
        for (x, says) in &self.missing {
            draw_missing(page, &plot, *x, says);
        }
        for (at, series) in self.series.iter().enumerate() {
            draw_series(page, &plot, at, series);
        }
        self.draw_names(page, &plot, size);
    }

    fn plot(&self, size: Size) -> Plot {
        let lines = self.series.iter().flat_map(|series| wrapped(&series.name, LABELS_MAX));
        let widest = lines.map(|line| width_of(&line)).fold(0.0, f64::max);
        let (left, names) = if size == Size::Wide { (66.0, widest + 18.0) } else { (58.0, 26.0) };
        let right = size.width() - names;
        let points = || self.series.iter().flat_map(|series| &series.points);
        let marked = self.mark.iter().chain(&self.missing).map(|(x, _)| *x);
        let fits = |x: &Ruler| {
            let widest = x.ticks.iter().map(|tick| width_of(&(self.x.label)(*tick))).fold(0.0, f64::max);
            (widest + 8.0) * (x.ticks.len() as f64 - 1.0) <= right - left
        };
        let of = |most| Ruler::of(self.x.scale, points().map(|point| point.x).chain(marked.clone()), most);
        let x = (1..=X_TICKS_MAX).rev().map(of).find(fits).unwrap_or_else(|| of(1));
        let most = if self.y.scale == Scale::Log { 10 } else { 6 };
        let y = Ruler::of(self.y.scale, points().map(|point| point.y), most);
        Plot { left, right, top: 34.0, bottom: height(size) - 46.0, x, y }
    }

    fn draw_axes(&self, page: &mut Markup, plot: &Plot) {
        for tick in &plot.y.ticks {
            let up = plot.up(*tick);
            line(page, "grid", (plot.left, up), (plot.right, up));
            label(page, "end", (plot.left - 7.0, up + 4.0), (self.y.label)(*tick));
        }
        for tick in &plot.x.ticks {
            let across = plot.across(*tick);
            line(page, "grid", (across, plot.top), (across, plot.bottom));
            label(page, "middle", (across, plot.bottom + 17.0), (self.x.label)(*tick));
        }
        line(page, "axis", (plot.left, plot.bottom), (plot.right, plot.bottom));
        label(page, "title", (0.0, 13.0), &self.y.title);
        label(page, "title middle", ((plot.left + plot.right) / 2.0, plot.bottom + 36.0), &self.x.title);
    }

    /// Beside the ends, moved apart where they would cover each other.
    fn draw_names(&self, page: &mut Markup, plot: &Plot, size: Size) {
        let ends = self.series.iter().enumerate().filter_map(|(at, series)| Some((at, series, series.points.last()?)));
        let mut ends: Vec<_> = ends.map(|(at, series, last)| (at, &series.name, plot.at(last.x, last.y))).collect();
        ends.sort_by(|a, b| a.2.1.total_cmp(&b.2.1));
        let named = |at: usize, name: &str| match size {
            Size::Wide => wrapped(name, LABELS_MAX),
            Size::Narrow => vec![LETTERS.get(at).unwrap_or(&"·").to_string()],
        };
        let names: Vec<Vec<String>> = ends.iter().map(|(at, name, _)| named(*at, name)).collect();
        let lines = names.iter().map(Vec::len).max().unwrap_or(1);
        let wanted: Vec<f64> = ends.iter().map(|end| end.2.1).collect();
        let places = moved_apart(&wanted, LINE * lines as f64 + 1.0, plot.top, plot.bottom);
        for (((at, _, end), place), name) in ends.into_iter().zip(places).zip(names) {
            let color = format!("leader c{}", at + 1);
            line(page, &color, (end.0 + 4.0, end.1), (plot.right + 10.0, place));
            write(page, "name", (plot.right + 14.0, place), &name);
        }
    }
}

fn draw_series(page: &mut Markup, plot: &Plot, at: usize, series: &Series) {
    let path: Vec<String> = series.points.iter().map(|point| plot.at(point.x, point.y)).map(written).collect();
    page.within("g", &[("class", &format!("series c{}", at + 1))], |page| {
        page.empty("polyline", &[("points", &path.join(" "))]);
        for point in &series.points {
            let (x, y) = plot.at(point.x, point.y);
            page.within("circle", &[("cx", &At(x)), ("cy", &At(y)), ("r", &"2.6")], |page| {
                page.element("title", &[], format_args!("{}: {}", series.name, point.says));
            });
        }
    });
}

fn written((x, y): (f64, f64)) -> String {
    format!("{},{}", At(x), At(y))
}

/// Its text goes where there is more room.
fn draw_mark(page: &mut Markup, plot: &Plot, x: u64, says: &str) {
    let across = plot.across(x);
    line(page, "mark", (across, plot.top - 8.0), (across, plot.bottom));
    let (class, across) = if across - plot.left > (plot.right - plot.left) / 2.0 {
        ("strong halo end", across - 5.0)
    } else {
        ("strong halo", across + 5.0)
    };
    label(page, class, (across, plot.top + 2.0), says);
}

fn draw_missing(page: &mut Markup, plot: &Plot, x: u64, says: &str) {
    let (x, y) = (plot.across(x), plot.bottom - 8.0);
    let cross = format!("M{} {}l8 8m0 -8l-8 8", At(x - 4.0), At(y - 4.0));
    page.within("path", &[("class", &"missing"), ("d", &cross)], |page| page.element("title", &[], says));
}

/// Ascending places, each at least so far below the one before; pushed back up where the last would leave the chart.
fn moved_apart(wanted: &[f64], apart: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut next = top;
    let mut places: Vec<f64> = Vec::with_capacity(wanted.len());
    for place in wanted {
        places.push(place.max(next));
        next = places.last().map_or(top, |last| last + apart);
    }
    let mut lowest = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(lowest);
        lowest = *place - apart;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &[f64]) {
        let places = moved_apart(wanted, LINE, 20.0, 300.0);
        assert!(places.windows(2).all(|two| two[1] - two[0] >= LINE - 0.01), "{wanted:?}: {places:?}");
        assert!(places.iter().all(|place| (20.0..=300.0).contains(place)), "{wanted:?}: {places:?}");
    }

    #[test]
    fn names_do_not_cover_each_other() {
        check(&[]);
        check(&[100.0]);
        check(&[100.0, 100.0, 101.0]);
        check(&[20.0, 20.0, 290.0, 299.0, 300.0]);
        check(&[300.0; SERIES_MAX]);
    }
}
