//! What edges and APIs say that they refused, against the answers.

use url::Url;

use crate::record::Answers;

use super::{Found, clickhouse::get, counts::Stores};

const REFUSED: [&str; 2] = ["refmill_edge_refused_total", "refmill_api_refusals_total"];

/// What every role says of itself: whoever lacks it is none of ours.
const OURS: &str = "refmill_build_info";

const REFUSED_FROM: u16 = 400;

pub(super) async fn compare(
    stores: &Stores,
    before: &super::Counts,
    answers: &Answers,
    found: &mut Found,
) -> anyhow::Result<()> {
    let now = refused_by_edges(&stores.metrics).await?;
    // Where answers are missing somebody may have begun anew, and counts from nothing.
    let Some((before, now)) = before.refused_by_edges.zip(now).filter(|_| answers.failed == 0) else { return Ok(()) };
    let refused = answers.by_status.iter().filter(|(status, _)| **status >= REFUSED_FROM);
    let refused: i128 = refused.map(|(_, n)| i128::from(*n)).sum();
    found.line("requests refused: by the metrics of edges and APIs", refused, now - before);
    Ok(())
}

/// None where not all of them are ours.
pub(super) async fn refused_by_edges(urls: &[String]) -> anyhow::Result<Option<i128>> {
    let mut sum = 0;
    for url in urls {
        let mut url = Url::parse(url)?;
        if url.path() == "/" {
            url.set_path("/metrics");
        }
        let page = get(url.as_str()).await?;
        if !page.contains(OURS) {
            return Ok(None);
        }
        sum += refused(&page);
    }
    Ok((!urls.is_empty()).then_some(sum))
}

fn refused(page: &str) -> i128 {
    let counter = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        let name = name.split_once('{').map_or(name, |(name, _)| name);
        if REFUSED.contains(&name) { value.parse::<i128>().ok() } else { None }
    };
    page.lines().filter_map(counter).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_added_up_over_their_labels() {
        let page = "# TYPE refmill_edge_refused_total counter\nrefmill_edge_refused_total{reason=\"no key\"} 3\n\
                    refmill_edge_refused_total{reason=\"code\"} 4\nrefmill_api_refusals_total 5\n\
                    refmill_edge_refused_total_not{} 100\n";
        assert_eq!(refused(page), 12);
    }
}
