//! Each process's and each store's cost at each step, and whether it stayed.

use crate::{
    grow::verdict::{self, Course},
    record::Growth,
    report::{
        draw::{Point, SERIES_MAX, Series},
        labels,
        markup::Markup,
        numbers::{self, or_none, ratio},
        tables::{Cell, number, table, text},
    },
};

use super::{at, point, shown};

/// All processes together, and those of them that cost most.
pub(super) fn cpu_series(growth: &Growth) -> Vec<Series> {
    let mut courses: Vec<Course> =
        verdict::courses(growth).into_iter().filter(|course| course.what.starts_with("CPU")).collect();
    courses.sort_by_key(|course| std::cmp::Reverse(course.each.iter().flatten().max().copied()));
    courses.truncate(SERIES_MAX);
    let series = |course: Course| {
        let name = course.what.rsplit_once(", ").map_or("all together", |(_, process)| labels::process(process));
        let points = growth.steps.iter().zip(&course.each);
        let points: Vec<Point> =
            points.filter_map(|(step, value)| point(growth, step, (*value)?, numbers::cost_tick)).collect();
        Series { name: name.to_owned(), points }
    };
    courses.into_iter().map(series).collect()
}

pub(super) fn section(page: &mut Markup, growth: &Growth) {
    if growth.steps.iter().all(|step| step.costs.is_empty()) {
        return;
    }
    let (courses, grew) = (verdict::courses(growth), verdict::grew(growth));
    let mut heads = vec!["An event's cost".to_owned()];
    heads.extend(growth.steps.iter().map(|step| at(growth, step)));
    heads.extend(["last over first".to_owned(), limit(growth)]);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let row = |course: &Course| {
        let mut row = vec![text(&course.what)];
        row.extend(course.each.iter().map(|value| number(or_none(value.map(|value| shown(course, value))))));
        row.push(number(or_none(course.ratios().last().flatten().map(ratio))));
        let has_grown = grew.iter().any(|grew| grew.what == course.what);
        row.push(match (has_grown, course.is_judged && growth.limit_millis.is_some()) {
            (true, _) => Cell::Bad("grew".to_owned()),
            (false, true) => Cell::Good("flat".to_owned()),
            (false, false) => text("not judged"),
        });
        row
    };
    let rows: Vec<Vec<Cell>> = courses.iter().map(row).collect();
    table(page, &format!("{}: step by step", labels::capital(&growth.what)), &heads, &rows);
}

fn limit(growth: &Growth) -> String {
    growth.limit_millis.map_or_else(String::new, |limit| format!("flat is up to {}", ratio(limit)))
}
