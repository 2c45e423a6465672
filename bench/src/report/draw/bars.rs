use super::{At, Axis, LINE, Markup, Size, fitting, label, line, scale::Ruler, width_of, wrapped, write};

/// Bars from the left, each of one part or several.
pub(crate) struct Bars {
    /// Begins at zero, as the length of a bar is what is compared.
    pub(crate) x: Axis,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) name: String,
    /// None: a heading over the rows that follow.
    pub(crate) segments: Vec<Segment>,
    /// Least and most of what the bar is the middle of.
    pub(crate) spread: Option<(u64, u64)>,
    /// Stands where the bar ends.
    pub(crate) says: String,
}

pub(crate) struct Segment {
    pub(crate) name: String,
    /// From 1: which of the page's colours.
    pub(crate) colour: usize,
    pub(crate) value: u64,
}

struct Measures {
    left: f64,
    right: f64,
    bar: f64,
    row: f64,
    heading: f64,
    /// Where names stand over their bars: how much over.
    over: f64,
}

const TOP: f64 = 6.0;
const UNDER: f64 = 46.0;
const NAMES_MAX: f64 = 236.0;
/// Left to the bars, however long what stands at their ends.
const PLOT_MIN: f64 = 60.0;
/// Less can't be seen as a bar.
const BAR_MIN: f64 = 0.8;

impl Row {
    fn total(&self) -> u64 {
        self.segments.iter().map(|segment| segment.value).fold(0, u64::saturating_add)
    }

    fn reach(&self) -> u64 {
        self.spread.map_or(0, |(_, most)| most).max(self.total())
    }
}

impl Bars {
    /// What each colour is, where there is more than one.
    pub(super) fn legend(&self, page: &mut Markup) {
        let mut known: Vec<(&str, usize)> = Vec::new();
        for segment in self.rows.iter().flat_map(|row| &row.segments) {
            if !known.iter().any(|(name, _)| *name == segment.name) {
                known.push((&segment.name, segment.colour));
            }
        }
        known.sort_by_key(|(_, colour)| *colour);
        if known.first().map(|known| known.1) == known.last().map(|known| known.1) {
            return;
        }
        page.within("ul", &[("class", &"legend")], |page| {
            for (name, colour) in known {
                page.within("li", &[], |page| {
                    page.element("b", &[("class", &format!("key c{colour}"))], "");
                    page.text(name);
                });
            }
        });
    }

    pub(super) fn height(&self, size: Size) -> f64 {
        let measures = self.measures(size);
        let rows: f64 = self.rows.iter().map(|row| measures.height(row)).sum();
        TOP + rows + UNDER
    }

    pub(super) fn draw(&self, page: &mut Markup, size: Size) {
        let measures = self.measures(size);
        let most = if size == Size::Wide { 6 } else { 4 };
        let ruler = Ruler::of(self.x.scale, self.rows.iter().map(Row::reach), most);
        let bottom = self.height(size) - UNDER;
        for tick in &ruler.ticks {
            let across = measures.across(&ruler, *tick);
            line(page, "grid", (across, TOP), (across, bottom));
            label(page, "middle", (across, bottom + 16.0), (self.x.label)(*tick));
        }
        line(page, "axis", (measures.left, TOP), (measures.left, bottom));
        label(page, "title middle", ((measures.left + measures.right) / 2.0, bottom + 35.0), &self.x.title);
        let mut top = TOP;
        for row in &self.rows {
            self.draw_row(page, size, &measures, &ruler, row, top);
            top += measures.height(row);
        }
    }

    fn draw_row(&self, page: &mut Markup, size: Size, measures: &Measures, ruler: &Ruler, row: &Row, top: f64) {
        if row.segments.is_empty() {
            return label(page, "strong halo", (0.0, top + measures.heading - 8.0), fitting(&row.name, size.width()));
        }
        let top = top + measures.over + (measures.row - measures.over - measures.bar) / 2.0;
        let middle = top + measures.bar / 2.0;
        match size {
            Size::Wide => {
                write(page, "end", (measures.left - 9.0, middle), &wrapped(&row.name, NAMES_MAX));
            }
            Size::Narrow => label(page, "halo", (0.0, top - 5.0), fitting(&row.name, size.width())),
        }
        let mut sum = 0_u64;
        for segment in &row.segments {
            let from = measures.across(ruler, sum);
            sum = sum.saturating_add(segment.value);
            let width = measures.across(ruler, sum) - from;
            self.draw_segment(page, segment, (from, top), (width, measures.bar), row.segments.len() > 1);
        }
        if let Some((least, most)) = row.spread {
            draw_spread(page, (measures.across(ruler, least), measures.across(ruler, most)), middle);
        }
        let end = measures.across(ruler, row.reach());
        label(page, "halo name", (end + 6.0, middle + 4.0), &row.says);
    }

    fn draw_segment(
        &self,
        page: &mut Markup,
        segment: &Segment,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        named: bool,
    ) {
        let value = (self.x.label)(segment.value);
        // A gap between parts tells them apart where their colours don't.
        let shown = if named { (width - 1.0).max(BAR_MIN) } else { width.max(BAR_MIN) };
        page.within("g", &[("class", &format!("bar c{}", segment.colour))], |page| {
            page.within(
                "rect",
                &[("x", &At(x)), ("y", &At(y)), ("width", &At(shown)), ("height", &At(height))],
                |page| page.element("title", &[], format_args!("{}: {value}", segment.name)),
            );
            if named && width_of(&value) + 6.0 <= width {
                label(page, "inside", (x + width / 2.0, y + height / 2.0 + 4.0), value);
            }
        });
    }

    fn measures(&self, size: Size) -> Measures {
        let rows = || self.rows.iter().filter(|row| !row.segments.is_empty());
        let says = rows().map(|row| width_of(&row.says)).fold(0.0, f64::max) + 14.0;
        let right = |left: f64| (size.width() - says).max(left + PLOT_MIN);
        match size {
            Size::Wide => {
                let names: Vec<Vec<String>> = rows().map(|row| wrapped(&row.name, NAMES_MAX)).collect();
                let widest = names.iter().flatten().map(|line| width_of(line)).fold(0.0, f64::max);
                let row = if names.iter().any(|lines| lines.len() > 1) { 2.0 * LINE + 5.0 } else { 29.0 };
                Measures { left: widest + 12.0, right: right(widest + 12.0), bar: 20.0, row, heading: 32.0, over: 0.0 }
            }
            Size::Narrow => Measures { left: 1.0, right: right(1.0), bar: 18.0, row: 44.0, heading: 34.0, over: 18.0 },
        }
    }
}

impl Measures {
    fn height(&self, row: &Row) -> f64 {
        if row.segments.is_empty() { self.heading } else { self.row }
    }

    fn across(&self, ruler: &Ruler, value: u64) -> f64 {
        self.left + ruler.place(value) * (self.right - self.left)
    }
}

fn draw_spread(page: &mut Markup, (least, most): (f64, f64), middle: f64) {
    for class in ["spread under", "spread"] {
        line(page, class, (least, middle), (most, middle));
        for end in [least, most] {
            line(page, class, (end, middle - 4.0), (end, middle + 4.0));
        }
    }
}
