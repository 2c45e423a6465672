//! Several statements as one: in a small batch what each costs the server whatever it does is more than what it does.

use std::{fmt::Write as _, sync::OnceLock};

use crate::postgres::ledger::ask::Ask;

/// A statement with a name, by which those behind it may read what it returns. None sees what another has done.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) ask: Ask,
    /// It has nothing to do.
    pub(super) is_empty: bool,
}

/// The text of always the same parts, put together once.
pub(super) struct Together(OnceLock<String>);

impl Together {
    pub(super) const fn new() -> Together {
        Together(OnceLock::new())
    }

    pub(super) fn ask(&'static self, parts: Vec<Part>) -> Ask {
        let sql = self.0.get_or_init(|| text(&parts));
        Ask::rows(sql, parts.into_iter().flat_map(|part| part.ask.params).collect())
    }
}

fn text(parts: &[Part]) -> String {
    let (mut text, mut before) = (String::new(), 0);
    for part in parts {
        let _ = write!(
            text,
            "{} {} AS ({})",
            if text.is_empty() { "WITH" } else { "," },
            part.name,
            after(before, part.ask.sql)
        );
        before += part.ask.params.len();
    }
    text + " SELECT"
}

/// The statement with its parameters numbered on from so many before it.
fn after(before: usize, sql: &str) -> String {
    let mut pieces = sql.split('$');
    let mut numbered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(digits);
        let number = number.parse::<usize>().unwrap_or_default() + before;
        let _ = write!(numbered, "${number}{rest}");
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::{Part, text};
    use crate::postgres::ledger::ask::{Ask, one};

    #[test]
    fn parameters_are_numbered_on() {
        let part = |name, sql, params: usize| {
            let params = (0..params).map(|_| one(0_i64)).collect();
            Part { name, ask: Ask::count(sql, params), is_empty: false }
        };
        let parts = [part("a", "X $1, $2::text[]", 2), part("b", "Y", 0), part("c", "Z $1 $10", 10)];
        assert_eq!(text(&parts), "WITH a AS (X $1, $2::text[]), b AS (Y), c AS (Z $3 $12) SELECT");
    }
}
