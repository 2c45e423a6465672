/// Numbers that should be there against those that are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Matched {
    /// Wanted ones that are there exactly as often as they are wanted.
    pub(super) right: u64,
    /// How often any is there that nobody wanted, or that is wanted less often.
    pub(super) more: u64,
}

impl Matched {
    /// How many of each are in both; sorts what was found.
    pub(super) fn of(wanted: &[u64], found: &mut [u64]) -> Matched {
        debug_assert!(wanted.is_sorted(), "wanted numbers are in order");
        found.sort_unstable();
        let mut matched = Matched::default();
        let mut left = &*found;
        for alike in wanted.chunk_by(|a, b| a == b) {
            let before = left.partition_point(|number| *number < alike[0]);
            let here = left[before..].iter().take_while(|number| **number == alike[0]).count();
            if here == alike.len() {
                matched.right += alike.len() as u64;
            }
            matched.more += (before + here.saturating_sub(alike.len())) as u64;
            left = &left[before + here..];
        }
        matched.more += left.len() as u64;
        matched
    }
}

impl std::ops::AddAssign for Matched {
    fn add_assign(&mut self, other: Matched) {
        self.right += other.right;
        self.more += other.more;
    }
}

/// How often one is in the list before.
pub(super) fn repeated(numbers: &mut [u64]) -> u64 {
    numbers.sort_unstable();
    numbers.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_twice_or_nobodys_is_told_apart() {
        for (wanted, found, right, more) in [
            (&[][..], &[][..], 0, 0),
            (&[1, 2, 3], &[3, 1, 2], 3, 0),
            (&[1, 2, 3], &[3, 1], 2, 0),
            (&[1, 2, 3], &[3, 1, 1, 2], 2, 1),
            (&[1, 2, 2], &[2, 1, 2], 3, 0),
            (&[1, 2, 2], &[1, 2], 1, 0),
            (&[2], &[1, 2, 3, 3], 1, 3),
            (&[], &[1], 0, 1),
        ] {
            let matched = Matched::of(wanted, &mut found.to_vec());
            assert_eq!(matched, Matched { right, more }, "{wanted:?} {found:?}");
        }
        assert_eq!(repeated(&mut [3, 1, 3, 2, 3]), 2);
    }
}
