use hashbrown::HashMap;
use rusqlite::{
    OptionalExtension as _, ToSql, Transaction, params,
    types::{ToSqlOutput, ValueRef},
};
use schemas::facts::ClickFact;

/// How many texts are given a number. What comes past them stands in its row.
const WORDS_MAX: i64 = 100_000;

/// What comes less often in a block is given none: of texts that nobody sends twice there is no end.
const COMES_OFTEN: u32 = 2;

/// Texts of a click's row.
pub(super) const TEXTS: usize = 6;

/// The texts of a block's clicks, each once, and the numbers that rows have in their place.
pub(super) struct Words<'a> {
    texts: Vec<Text<'a>>,
    places: HashMap<&'a str, u32>,
}

struct Text<'a> {
    text: &'a str,
    times: u32,
    number: Option<i64>,
}

/// A text as it stands in a row.
pub(super) enum Word<'a> {
    Number(i64),
    Text(&'a str),
}

/// Where a click's texts are among those of its block.
pub(super) type TextsOfClick = [Option<u32>; TEXTS];

impl<'a> Words<'a> {
    pub(super) fn of(clicks: &[&'a ClickFact]) -> (Words<'a>, Vec<TextsOfClick>) {
        let mut words = Words { texts: Vec::new(), places: HashMap::new() };
        let of_click = |click: &&'a ClickFact| texts(click).map(|text| text.map(|text| words.count(text)));
        let rows = clicks.iter().map(of_click).collect();
        (words, rows)
    }

    fn count(&mut self, text: &'a str) -> u32 {
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(text).or_insert(next);
        match self.texts.get_mut(place as usize) {
            Some(known) => known.times += 1,
            None => self.texts.push(Text { text, times: 1, number: None }),
        }
        place
    }

    /// Finds the numbers of its texts, and gives one to those that come often.
    pub(super) fn number(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut select = transaction.prepare_cached("SELECT id FROM words WHERE word = ?1")?;
        let mut insert = transaction.prepare_cached("INSERT INTO words (id, word) VALUES (?1, ?2)")?;
        let mut last =
            transaction.query_one("SELECT coalesce(max(id), 0) FROM words", [], |row| row.get::<_, i64>(0))?;
        for text in &mut self.texts {
            text.number = select.query_row([text.text], |row| row.get(0)).optional()?;
            if text.number.is_none() && text.times >= COMES_OFTEN && last < WORDS_MAX {
                last += 1;
                insert.execute(params![last, text.text])?;
                text.number = Some(last);
            }
        }
        Ok(())
    }

    pub(super) fn word(&self, place: u32) -> Word<'a> {
        let Text { text, number, .. } = self.texts[place as usize];
        number.map_or(Word::Text(text), Word::Number)
    }
}

fn texts(click: &ClickFact) -> [Option<&str>; TEXTS] {
    [
        Some(&click.landing.host),
        Some(&click.landing.path),
        click.referrer_host.as_deref(),
        click.utm.source.as_deref(),
        click.utm.medium.as_deref(),
        click.utm.campaign.as_deref(),
    ]
}

impl ToSql for Word<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Word::Number(number) => ValueRef::Integer(*number),
            Word::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
