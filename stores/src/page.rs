/// One page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    pub per_page: u32,
}

/// A page's rows, and how many rows all pages have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    pub rows: Vec<T>,
    pub total: u64,
}

impl Page {
    pub fn first(per_page: u32) -> Page {
        Page { number: 1, per_page }
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.per_page)
    }

    pub(crate) fn skipped(self) -> i64 {
        i64::from(self.number.saturating_sub(1)).saturating_mul(i64::from(self.per_page))
    }

    /// Where its rows stand in a list of `total`, newest first; None where it lies past the end.
    pub(crate) fn within(self, total: u64) -> Option<Stretch> {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        let (before, limit) = (self.skipped(), self.limit().min(total - self.skipped()));
        let after = total - before - limit;
        let (from, skipped) = if after < before { (End::Oldest, after) } else { (End::Newest, before) };
        (limit > 0).then_some(Stretch { from, limit, skipped })
    }
}

/// A page's rows as they are found from the end of the list that they are nearer to: no more than half of it is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    from: End,
    pub(crate) limit: i64,
    pub(crate) skipped: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Newest,
    Oldest,
}

impl Stretch {
    /// In which a query goes through the list.
    pub(crate) fn order(self) -> &'static str {
        match self.from {
            End::Newest => "DESC",
            End::Oldest => "ASC",
        }
    }

    /// Puts what was found in that order newest first.
    pub(crate) fn put_in_order<T>(self, found: &mut [T]) {
        if self.from == End::Oldest {
            found.reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_where_it_is_from_whichever_end() {
        for total in 0..30_u64 {
            let newest_first: Vec<u64> = (0..total).rev().collect();
            for (per_page, number) in (1..=12).flat_map(|per_page| (1..=32).map(move |number| (per_page, number))) {
                let page = Page { number, per_page };
                let mut found = Vec::new();
                if let Some(stretch) = page.within(total) {
                    assert!(stretch.skipped <= i64::try_from(total / 2).unwrap(), "{page:?} of {total}: {stretch:?}");
                    let all: Vec<u64> =
                        if stretch.order() == "ASC" { (0..total).collect() } else { newest_first.clone() };
                    let (skipped, limit) = (stretch.skipped.try_into().unwrap(), stretch.limit.try_into().unwrap());
                    found = all.into_iter().skip(skipped).take(limit).collect();
                    stretch.put_in_order(&mut found);
                }
                let skipped = page.skipped().try_into().unwrap();
                let wanted: Vec<u64> = newest_first.iter().copied().skip(skipped).take(per_page as usize).collect();
                assert_eq!(found, wanted, "{page:?} of {total}");
            }
        }
    }

    #[test]
    fn the_last_page_that_can_be_asked_for_is_past_any_end() {
        for per_page in [1, 100, u32::MAX] {
            assert_eq!(Page { number: u32::MAX, per_page }.within(1_000_000), None);
        }
    }
}
