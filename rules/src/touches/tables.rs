//! Rows side by side in tables with little room between them, each where its key's hash says or as soon after that as there was room.

use std::hash::{BuildHasher as _, Hasher as _};

use hashbrown::DefaultHashBuilder;

/// The key's words, what is kept of it, and last a word of which the highest bit says that something is there.
pub(super) type Row<const WORDS: usize> = [u32; WORDS];

pub(super) const THERE: u32 = 1 << 31;

/// Each of these tables grows by itself, so that no growth takes long or needs room for all.
const TABLES: usize = 256;

const TABLE_BITS: u32 = TABLES.trailing_zeros();

/// They begin with these sizes, so that they do not all grow at once, and one takes the room that another leaves.
const FIRST_ROWS: usize = 32;
const SIZES: usize = 8;

/// Of many rows one in so many at least is empty, and one of any.
const SPARE: usize = 5;

/// From one look to the next along a key's first rows.
const LOOK_BYTES: usize = 48;

#[derive(Debug, Clone, Default)]
pub(super) struct Tables<const KEY: usize, const WORDS: usize> {
    tables: Vec<Table<KEY, WORDS>>,
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
struct Table<const KEY: usize, const WORDS: usize> {
    rows: Vec<Row<WORDS>>,
    used: usize,
}

impl<const KEY: usize, const WORDS: usize> Tables<KEY, WORDS> {
    pub(super) fn len(&self) -> usize {
        self.tables.iter().map(|table| table.used).sum()
    }

    /// Rows that there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }

    /// Where the key's row is, or where it would be.
    pub(super) fn find(&self, key: &[u32; KEY]) -> Result<Place, Place> {
        let hash = self.hash(key);
        let number = number(hash);
        let at = |row| Place { table: number, row, hash };
        match self.tables.get(number) {
            Some(table) => table.find(key, hash).map(at).map_err(at),
            None => Err(at(0)),
        }
    }

    pub(super) fn get(&self, key: &[u32; KEY]) -> Option<&Row<WORDS>> {
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
            table.grow(FIRST_ROWS + place.table % SIZES, |row| hash_of::<KEY>(hasher, key_of(row)));
            table.put(row, place.hash);
        }
    }

    pub(super) fn remove(&mut self, key: &[u32; KEY]) -> Option<Row<WORDS>> {
        let place = self.find(key).ok()?;
        let row = *self.row(place);
        self.take_out(place);
        Some(row)
    }

    pub(super) fn take_out(&mut self, place: Place) {
        let hasher = &self.hasher;
        self.tables[place.table].take_out(place.row, |row| hash_of::<KEY>(hasher, key_of(row)));
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Row<WORDS>> {
        self.tables.iter().flat_map(Table::there)
    }

    /// Replaces each row by what `keep` makes of it, or forgets it, and gives back the room that is left over.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Row<WORDS>) -> Option<Row<WORDS>>) {
        let hasher = &self.hasher;
        let mut kept = Vec::new();
        for table in &mut self.tables {
            kept.clear();
            kept.extend(table.there().filter_map(&mut keep));
            if kept.len() < table.used || !table.there().eq(&kept) {
                table.empty_for(kept.len());
                kept.iter().for_each(|row| table.put(*row, hash_of::<KEY>(hasher, key_of(row))));
            }
        }
    }

    /// What a look for this key will read is on its way after that: nothing waits for it, as what is returned says nothing.
    pub(super) fn look_ahead(&self, key: &[u32; KEY]) -> u32 {
        let hash = self.hash(key);
        let Some(table) = self.tables.get(number(hash)) else { return 0 };
        let first = table.first_place(hash);
        let last_word = |row: usize| table.rows.get(row).map_or(0, |row| row[WORDS - 1]);
        last_word(first) ^ last_word(first + LOOK_BYTES / size_of::<Row<WORDS>>())
    }

    fn hash(&self, key: &[u32; KEY]) -> u64 {
        hash_of(&self.hasher, key)
    }
}

impl<const KEY: usize, const WORDS: usize> Default for Table<KEY, WORDS> {
    fn default() -> Table<KEY, WORDS> {
        Table { rows: Vec::new(), used: 0 }
    }
}

impl<const KEY: usize, const WORDS: usize> Table<KEY, WORDS> {
    const EMPTY: Row<WORDS> = [0; WORDS];

    fn there(&self) -> impl Iterator<Item = &Row<WORDS>> {
        self.rows.iter().filter(|row| is_there(row))
    }

    /// Forgets all, with room for so many.
    fn empty_for(&mut self, used: usize) {
        if self.rows.len() > 2 * used {
            self.rows = vec![Self::EMPTY; used + used / 2 + 1];
        } else {
            self.rows.fill(Self::EMPTY);
        }
        self.used = 0;
    }

    fn find(&self, key: &[u32; KEY], hash: u64) -> Result<usize, usize> {
        if self.rows.is_empty() {
            return Err(0);
        }
        let mut place = self.first_place(hash);
        loop {
            let row = &self.rows[place];
            if !is_there(row) {
                return Err(place);
            }
            if row[..KEY] == key[..] {
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

    /// By a quarter, as most of the time it is full; at first to so many.
    fn grow(&mut self, first: usize, hash: impl Fn(&Row<WORDS>) -> u64) {
        let rows = vec![Self::EMPTY; first.max(self.rows.len() + self.rows.len() / 4)];
        let before = std::mem::replace(self, Table { rows, used: 0 });
        before.there().for_each(|row| self.put(*row, hash(row)));
    }

    /// Of the hash what does not choose the table.
    fn first_place(&self, hash: u64) -> usize {
        ((u64::from(hash as u32) * self.rows.len() as u64) >> 32) as usize
    }

    fn after(&self, place: usize) -> usize {
        if place + 1 < self.rows.len() { place + 1 } else { 0 }
    }
}

/// A key of 64 bits as words.
pub(super) fn words(key: u64) -> [u32; 2] {
    [(key >> 32) as u32, key as u32]
}

/// The key of 64 bits that a row begins with.
pub(super) fn key(row: &Row<4>) -> u64 {
    u64::from(row[0]) << 32 | u64::from(row[1])
}

fn is_there<const WORDS: usize>(row: &Row<WORDS>) -> bool {
    row[WORDS - 1] & THERE != 0
}

fn key_of<const KEY: usize, const WORDS: usize>(row: &Row<WORDS>) -> &[u32; KEY] {
    row.first_chunk().expect("a row begins with its key")
}

fn hash_of<const KEY: usize>(hasher: &DefaultHashBuilder, key: &[u32; KEY]) -> u64 {
    const { assert!(KEY.is_multiple_of(2), "two words are hashed at once") };
    let mut state = hasher.build_hasher();
    for [high, low] in key.as_chunks().0 {
        state.write_u64(u64::from(*high) << 32 | u64::from(*low));
    }
    state.finish()
}

fn number(hash: u64) -> usize {
    (hash >> (u64::BITS - TABLE_BITS)) as usize
}
