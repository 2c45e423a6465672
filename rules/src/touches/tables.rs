//! Rows side by side in tables with little room between them, each where its key's hash says or as soon after that as there was room.

use std::hash::BuildHasher as _;

use hashbrown::DefaultHashBuilder;

/// The key's four words, what is kept of it, and last a word of which the two highest bits are the key's kind; 0 where nothing is.
pub(super) type Row<const WORDS: usize> = [u32; WORDS];

const KEY_WORDS: usize = 4;

/// Bits of a row's last word that are not the kind.
pub(super) const KIND_SHIFT: u32 = 30;

const NONE: u32 = 0;

/// Each of these tables grows by itself, so that no growth takes long or needs room for all.
const TABLES: usize = 256;

const TABLE_BITS: u32 = TABLES.trailing_zeros();

/// Of many rows one in so many at least is empty, and one of any.
const SPARE: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) high: u64,
    pub(super) low: u64,
    /// 1 to 3.
    pub(super) kind: u32,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Tables<const WORDS: usize> {
    tables: Vec<Table<WORDS>>,
    hasher: DefaultHashBuilder,
}

/// Where a row is or would be, until the next one comes or goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    table: usize,
    row: usize,
    hash: u64,
}

#[derive(Debug, Clone)]
struct Table<const WORDS: usize> {
    rows: Vec<Row<WORDS>>,
    used: usize,
}

impl Key {
    pub(super) fn of<const WORDS: usize>(row: &Row<WORDS>) -> Key {
        let half = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        Key { high: half(row[0], row[1]), low: half(row[2], row[3]), kind: kind(row) }
    }

    pub(super) fn words(&self) -> [u32; KEY_WORDS] {
        [(self.high >> 32) as u32, self.high as u32, (self.low >> 32) as u32, self.low as u32]
    }
}

impl<const WORDS: usize> Tables<WORDS> {
    pub(super) fn len(&self) -> usize {
        self.tables.iter().map(|table| table.used).sum()
    }

    /// Rows that there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }

    /// Where the key's row is, or where it would be.
    pub(super) fn find(&self, key: &Key) -> Result<Place, Place> {
        let hash = self.hash(key);
        let number = number(hash);
        let at = |row| Place { table: number, row, hash };
        match self.tables.get(number) {
            Some(table) => table.find(key, hash).map(at).map_err(at),
            None => Err(at(0)),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Row<WORDS>> {
        self.find(key).ok().map(|place| self.row(place))
    }

    pub(super) fn row(&self, place: Place) -> &Row<WORDS> {
        &self.tables[place.table].rows[place.row]
    }

    /// Puts another in the place of one with the same key.
    pub(super) fn replace(&mut self, place: Place, row: Row<WORDS>) {
        self.tables[place.table].rows[place.row] = row;
    }

    /// Puts one where it would be.
    pub(super) fn fill(&mut self, place: Place, row: Row<WORDS>) {
        if self.tables.is_empty() {
            self.tables.resize_with(TABLES, Table::default);
        }
        let hasher = &self.hasher;
        let table = &mut self.tables[place.table];
        if table.has_room() {
            table.rows[place.row] = row;
            table.used += 1;
        } else {
            table.grow(|row| hash_of(hasher, &Key::of(row)));
            table.put(row, place.hash);
        }
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Row<WORDS>> {
        let place = self.find(key).ok()?;
        let row = *self.row(place);
        self.take_out(place);
        Some(row)
    }

    pub(super) fn take_out(&mut self, place: Place) {
        let hasher = &self.hasher;
        self.tables[place.table].take_out(place.row, |row| hash_of(hasher, &Key::of(row)));
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Row<WORDS>> {
        self.tables.iter().flat_map(|table| table.rows.iter().filter(|row| is_there(row)))
    }

    /// Replaces each row by what `keep` makes of it, or forgets it, and gives back the room that is left over.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Row<WORDS>) -> Option<Row<WORDS>>) {
        let hasher = &self.hasher;
        for table in &mut self.tables {
            let mut kept: Vec<Row<WORDS>> = Vec::with_capacity(table.used);
            kept.extend(table.rows.iter().filter(|row| is_there(row)).filter_map(&mut keep));
            let stays = kept.len() == table.used
                && table.rows.iter().filter(|row| is_there(row)).zip(&kept).all(|(row, kept)| row == kept);
            if !stays {
                *table = Table::with_room(kept.len(), table.rows.len());
                kept.into_iter().for_each(|row| table.put(row, hash_of(hasher, &Key::of(&row))));
            }
        }
    }

    /// What a look for this key will read is on its way after that: nothing waits for it, as what is returned says nothing.
    pub(super) fn look_ahead(&self, key: &Key) -> u32 {
        let hash = self.hash(key);
        let Some(table) = self.tables.get(number(hash)) else { return 0 };
        let first = table.first_place(hash);
        let last_word = |row: usize| table.rows.get(row).map_or(0, |row| row[WORDS - 1]);
        last_word(first) ^ last_word(first + 2)
    }

    fn hash(&self, key: &Key) -> u64 {
        hash_of(&self.hasher, key)
    }
}

impl<const WORDS: usize> Default for Table<WORDS> {
    fn default() -> Table<WORDS> {
        Table { rows: Vec::new(), used: 0 }
    }
}

impl<const WORDS: usize> Table<WORDS> {
    const EMPTY: Row<WORDS> = [0; WORDS];

    /// For so many, in place of one with so many rows.
    fn with_room(used: usize, rows: usize) -> Table<WORDS> {
        let fitting = used + used / 2 + 1;
        Table { rows: vec![Self::EMPTY; if rows > 2 * used { fitting } else { rows }], used: 0 }
    }

    fn find(&self, key: &Key, hash: u64) -> Result<usize, usize> {
        if self.rows.is_empty() {
            return Err(0);
        }
        let words = key.words();
        let mut place = self.first_place(hash);
        loop {
            let row = &self.rows[place];
            if !is_there(row) {
                return Err(place);
            }
            if row[..KEY_WORDS] == words && kind(row) == key.kind {
                return Ok(place);
            }
            place = self.after(place);
        }
    }

    /// One that is not there, where there is room.
    fn put(&mut self, row: Row<WORDS>, hash: u64) {
        let mut place = self.first_place(hash);
        while is_there(&self.rows[place]) {
            place = self.after(place);
        }
        self.rows[place] = row;
        self.used += 1;
    }

    /// What follows it without a gap may have been put there for want of its place.
    fn take_out(&mut self, place: usize, hash: impl Fn(&Row<WORDS>) -> u64) {
        self.rows[place] = Self::EMPTY;
        self.used -= 1;
        let mut next = self.after(place);
        while is_there(&self.rows[next]) {
            let row = std::mem::replace(&mut self.rows[next], Self::EMPTY);
            self.used -= 1;
            self.put(row, hash(&row));
            next = self.after(next);
        }
    }

    fn has_room(&self) -> bool {
        self.used + self.rows.len() / SPARE < self.rows.len() && self.used + 1 < self.rows.len()
    }

    /// By a quarter, as most of the time it is full.
    fn grow(&mut self, hash: impl Fn(&Row<WORDS>) -> u64) {
        let rows = vec![Self::EMPTY; (2 * SPARE).max(self.rows.len() + self.rows.len() / 4)];
        let before = std::mem::replace(self, Table { rows, used: 0 });
        before.rows.iter().filter(|row| is_there(row)).for_each(|row| self.put(*row, hash(row)));
    }

    /// Of the hash what does not choose the table.
    fn first_place(&self, hash: u64) -> usize {
        ((u64::from(hash as u32) * self.rows.len() as u64) >> 32) as usize
    }

    fn after(&self, place: usize) -> usize {
        if place + 1 < self.rows.len() { place + 1 } else { 0 }
    }
}

pub(super) fn kind<const WORDS: usize>(row: &Row<WORDS>) -> u32 {
    row[WORDS - 1] >> KIND_SHIFT
}

fn is_there<const WORDS: usize>(row: &Row<WORDS>) -> bool {
    kind(row) != NONE
}

fn hash_of(hasher: &DefaultHashBuilder, key: &Key) -> u64 {
    hasher.hash_one((key.high, key.low, key.kind))
}

fn number(hash: u64) -> usize {
    (hash >> (u64::BITS - TABLE_BITS)) as usize
}
