use hashbrown::{HashMap, hash_map::Entry};
use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::facts::ClickFact;

use crate::sqlite::row::int;

/// Link, company, program and partner.
type Place = [i64; 4];

/// The numbers of links and whose they are, as far as a block has asked for them.
#[derive(Default)]
pub(super) struct Places(HashMap<Place, i64>);

impl Places {
    pub(super) fn number(&mut self, transaction: &Transaction<'_>, click: &ClickFact) -> rusqlite::Result<i64> {
        let place = [click.link.0, click.company.0, click.program.0, click.partner.0].map(int);
        Ok(match self.0.entry(place) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(find(transaction, place)?),
        })
    }
}

fn find(transaction: &Transaction<'_>, [link, company, program, partner]: Place) -> rusqlite::Result<i64> {
    let place = params![link, company, program, partner];
    let select = "SELECT id FROM places WHERE link = ?1 AND company = ?2 AND program = ?3 AND partner = ?4";
    let known = transaction.prepare_cached(select)?.query_row(place, |row| row.get(0)).optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let insert = "INSERT INTO places (link, company, program, partner) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(insert)?.insert(place)
}
