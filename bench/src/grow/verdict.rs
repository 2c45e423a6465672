//! Whether a cost has grown: each step's over the first's.

use std::fmt::{self, Display};

use crate::record::{Growth, GrowthStep};

/// Of all together at the first step, in percent: what is less is too little to be judged by itself.
const JUDGED_FROM_PERCENT: u64 = 10;
/// Steps whose events differ by less have as many: what grows in them is keys.
const AS_MANY_PERCENT: u64 = 10;

/// What something costs at each step, in the same unit; none where that is not known.
pub(crate) struct Course {
    pub(crate) what: String,
    pub(crate) each: Vec<Option<u64>>,
    /// Whether it is large enough for its growth to count.
    pub(crate) is_judged: bool,
}

/// Something that costs more than the growth's limit says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grew {
    pub(crate) what: String,
    pub(crate) step: usize,
    /// Over the first step's.
    pub(crate) millis: u64,
}

impl Course {
    /// Each over the first that is known, in thousandths.
    pub(crate) fn ratios(&self) -> impl Iterator<Item = Option<u64>> {
        let first = self.each.iter().copied().find_map(|value| value.filter(|value| *value > 0));
        self.each.iter().map(move |value| ratio_millis((*value)?, first?))
    }
}

impl Display for Grew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grew { what, step, millis } = self;
        write!(f, "{what} grew: at step {} it is {}.{:03} times the first's", step + 1, millis / 1_000, millis % 1_000)
    }
}

/// CPU an event by process, and bytes an event by store, or bytes of a key.
pub(crate) fn courses(growth: &Growth) -> Vec<Course> {
    let steps = &growth.steps;
    let all = course(steps, "CPU an event", |step| Some(step.cpu_ns_an_event));
    let whole = all.each.first().copied().flatten();
    let mut courses = vec![all];
    let processes = names(steps, |step| step.costs.iter().map(|cost| cost.name.as_str()).collect());
    // One alone is all.
    for name in processes.iter().filter(|_| processes.len() > 1) {
        let each = course(steps, &format!("CPU an event, {name}"), |step| cpu_of(step, name));
        courses.push(each.judged_beside(whole));
    }
    if by_keys(growth) {
        courses.push(course_of_memory(steps));
        return courses;
    }
    let all = course(steps, "disk an event", |step| disk_an_event(step, None));
    let whole = all.each.first().copied().flatten();
    courses.push(all);
    for name in names(steps, |step| step.stores.keys().map(String::as_str).collect()) {
        let each = course(steps, &format!("disk an event, {name}"), |step| disk_an_event(step, Some(&name)));
        courses.push(each.judged_beside(whole));
    }
    courses
}

/// Nothing where the growth has no limit.
pub(crate) fn grew(growth: &Growth) -> Vec<Grew> {
    let Some(limit) = growth.limit_millis else { return Vec::new() };
    let judged = courses(growth).into_iter().filter(|course| course.is_judged);
    let of = |course: Course| {
        let beyond = course.ratios().enumerate().filter_map(|(step, millis)| Some((step, millis?)));
        let beyond = beyond.filter(|(_, millis)| *millis > limit);
        let grew: Vec<Grew> = beyond.map(|(step, millis)| Grew { what: course.what.clone(), step, millis }).collect();
        grew
    };
    judged.flat_map(of).collect()
}

/// Loads whose figures are none: discarded, or not as they were counted again.
pub(crate) fn unsound(growth: &Growth) -> Vec<String> {
    let loads = growth.steps.iter().zip(1..).flat_map(|(step, nth)| step.runs.iter().map(move |run| (nth, run)));
    let wrong = loads.filter_map(|(nth, run)| match &run.discarded {
        Some(why) => Some(format!("a load of step {nth} is discarded: {why}")),
        None if run.audit.iter().all(|line| line.holds()) => None,
        None => Some(format!("the audit of a load of step {nth} does not hold")),
    });
    wrong.collect()
}

/// Whichever of the two grows.
pub(crate) fn by_keys(growth: &Growth) -> bool {
    let as_many = |two: &[GrowthStep]| {
        let (a, b) = (two[0].events, two[1].events);
        a == b || (two[0].keys != two[1].keys && a.abs_diff(b) <= a.max(b) / 100 * AS_MANY_PERCENT)
    };
    growth.steps.windows(2).all(as_many)
}

/// Bytes that a step's events brought to a store, or to all.
pub(crate) fn disk_an_event(step: &GrowthStep, store: Option<&str>) -> Option<u64> {
    let of = step.stores.iter().filter(|(name, _)| store.is_none_or(|store| store == *name));
    let brought = of.map(|(_, bytes)| bytes.after.saturating_sub(bytes.before)).reduce(u64::saturating_add)?;
    brought.checked_div(step.sent)
}

/// What a process takes without any is not a key's.
pub(crate) fn memory_a_further_key(step: &GrowthStep, before: &GrowthStep) -> Option<u64> {
    step.memory_bytes.checked_sub(before.memory_bytes)?.checked_div(step.keys.checked_sub(before.keys)?)
}

pub(crate) fn cpu_of(step: &GrowthStep, process: &str) -> Option<u64> {
    step.costs.iter().find(|cost| cost.name == process)?.cpu_ns.checked_div(step.sent)
}

fn course_of_memory(steps: &[GrowthStep]) -> Course {
    let first = steps.first().map(|_| None);
    let further = steps.windows(2).map(|two| memory_a_further_key(&two[1], &two[0]));
    Course {
        what: "memory of a further key".to_owned(),
        each: first.into_iter().chain(further).collect(),
        is_judged: true,
    }
}

fn course(steps: &[GrowthStep], what: &str, value: impl Fn(&GrowthStep) -> Option<u64>) -> Course {
    Course { what: what.to_owned(), each: steps.iter().map(value).collect(), is_judged: true }
}

impl Course {
    fn judged_beside(self, whole: Option<u64>) -> Course {
        let own = self.each.first().copied().flatten().unwrap_or_default();
        let is_judged =
            u128::from(own) * 100 >= u128::from(whole.unwrap_or_default()) * u128::from(JUDGED_FROM_PERCENT);
        Course { is_judged, ..self }
    }
}

fn names<'a>(steps: &'a [GrowthStep], of: impl Fn(&'a GrowthStep) -> Vec<&'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in steps.iter().flat_map(of) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn ratio_millis(value: u64, first: u64) -> Option<u64> {
    let exact = (u128::from(value) * 1_000).checked_div(first.into())?;
    Some(u64::try_from(exact).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
