//! Robots by their user agent: two published lists, compiled in.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};

const CRAWLERS: &str = include_str!("../../data/crawler-user-agents.txt");
const ISBOT: &str = include_str!("../../data/isbot.txt");

/// Both for the compiled program and, a thread, for the states it has met.
const REGEX_BYTES: usize = 1 << 20;

/// Most patterns are plain text, and one automaton finds all of those in one pass; a regular
/// expression has the few others.
pub(super) struct Bots {
    crawlers: Words,
    isbot: Words,
    others: Regex,
}

impl Bots {
    pub(super) fn new() -> Self {
        let (crawlers, mut others) = parse(CRAWLERS, "-u");
        let (isbot, more) = parse(ISBOT, "i-u");
        others.extend(more);
        let others = RegexBuilder::new(&others.join("|"))
            .size_limit(REGEX_BYTES)
            .dfa_size_limit(REGEX_BYTES)
            .build()
            .expect("the lists are compiled in and tested");
        Self { crawlers: Words::new(crawlers, false), isbot: Words::new(isbot, true), others }
    }

    /// The generic list first: nearly every robot is in it.
    pub(super) fn matches(&self, agent: &[u8]) -> bool {
        self.isbot.found(agent) || self.crawlers.found(agent) || self.others.is_match(agent)
    }
}

struct Words {
    automaton: AhoCorasick,
    words: Vec<Word>,
}

/// Plain text with what must hold around it.
struct Word {
    text: String,
    at_start: bool,
    not_after: &'static [&'static str],
    not_before: &'static [&'static str],
}

impl Words {
    fn new(words: Vec<Word>, any_case: bool) -> Self {
        let automaton = AhoCorasickBuilder::new()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .ascii_case_insensitive(any_case)
            .build(words.iter().map(|word| &word.text))
            .expect("a few thousand words are no limit of the automaton's");
        Self { automaton, words }
    }

    fn found(&self, agent: &[u8]) -> bool {
        self.automaton
            .find_overlapping_iter(agent)
            .any(|found| self.words[found.pattern()].holds(&agent[..found.start()], &agent[found.end()..]))
    }
}

impl Word {
    fn plain(text: String, at_start: bool) -> Self {
        Self { text, at_start, not_after: &[], not_before: &[] }
    }

    fn holds(&self, before: &[u8], after: &[u8]) -> bool {
        let ends = |text: &str| {
            before.len() >= text.len() && before[before.len() - text.len()..].eq_ignore_ascii_case(text.as_bytes())
        };
        let starts =
            |text: &str| after.len() >= text.len() && after[..text.len()].eq_ignore_ascii_case(text.as_bytes());
        (!self.at_start || before.is_empty())
            && !self.not_after.iter().any(|text| ends(text))
            && !self.not_before.iter().any(|text| starts(text))
    }
}

fn parse(list: &str, flags: &str) -> (Vec<Word>, Vec<String>) {
    let (mut words, mut others) = (Vec::new(), Vec::new());
    for pattern in list.lines() {
        if let Some(word) = looking_around(pattern).or_else(|| literal(pattern)) {
            words.push(word);
        } else {
            others.push(format!("(?{flags}:{})", for_regex(pattern)));
        }
    }
    (words, others)
}

/// The patterns that look behind and ahead, which the `regex` crate can't.
fn looking_around(pattern: &str) -> Option<Word> {
    type Texts = &'static [&'static str];
    let (text, not_after, not_before): (_, Texts, Texts) = match pattern {
        "(?:^|[^g])news(?!sapphire)" => ("news", &["g"], &["sapphire"]),
        "(?<! channel/|google/)google(?!(?:wv|app|/google| pixel))" => {
            ("google", &[" channel/", "google/"], &["wv", "app", "/google", " pixel"])
        }
        "(?<!cam)scan" => ("scan", &["cam"], &[]),
        "(?<!lib)http" => ("http", &["lib"], &[]),
        "java(?!;)" => ("java", &[], &[";"]),
        _ => return None,
    };
    Some(Word { text: text.to_owned(), at_start: false, not_after, not_before })
}

/// One pattern looks behind and has more to it than text: what may stand there is spelt out.
/// Another has a dash in a class that JavaScript alone reads as a dash.
fn for_regex(pattern: &str) -> String {
    pattern.replace("(?<! cu)", "(?:^|[^u]|(?:^|[^c])u|(?:^|[^ ])cu)").replace(r"[\w\d-.]", r"[\w\d\-.]")
}

/// A pattern that is text, perhaps at the start and with its punctuation escaped.
fn literal(pattern: &str) -> Option<Word> {
    let (at_start, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let mut text = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.push(characters.next().filter(char::is_ascii_punctuation)?),
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => return None,
            plain => text.push(plain),
        }
    }
    Some(Word::plain(text, at_start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_understood() {
        let bots = Bots::new();
        let (crawlers, rest) = (parse(CRAWLERS, "-u"), parse(ISBOT, "i-u"));
        assert_eq!(crawlers.0.len() + crawlers.1.len(), 1_500);
        assert_eq!(rest.0.len() + rest.1.len(), 206);
        let bytes = bots.crawlers.automaton.memory_usage() + bots.isbot.automaton.memory_usage();
        println!(
            "{} words, {bytes} bytes; {} other patterns",
            crawlers.0.len() + rest.0.len(),
            crawlers.1.len() + rest.1.len()
        );
        assert!(bytes < 1 << 20, "{bytes} bytes of automaton");
    }

    #[test]
    fn patterns_that_look_around_do() {
        let bots = Bots::new();
        for (agent, bot) in [
            ("Mozilla/5.0 (X11) x news y z", true),
            ("Mozilla/5.0 (X11) x gnews y z", false),
            ("Mozilla/5.0 (X11) x newssapphire y z", false),
            ("Mozilla/5.0 (X11) x Google y z", true),
            ("Mozilla/5.0 (X11) x GoogleApp y z", false),
            ("Mozilla/5.0 (X11) x Google Pixel y z", false),
            ("Mozilla/5.0 (X11) x channel/google y z", false),
            ("Mozilla/5.0 (X11) x scan y z", true),
            ("Mozilla/5.0 (X11) x camscan y z", false),
            ("Mozilla/5.0 (X11) x camscan scan y z", true),
            ("Mozilla/5.0 (X11) x http y z", true),
            ("Mozilla/5.0 (X11) x libhttp y z", false),
            ("Mozilla/5.0 (X11) x java; y z", false),
            ("Mozilla/5.0 (X11) x java y z", true),
            ("Mozilla/5.0 (X11) x bots y z", true),
            ("Mozilla/5.0 (X11) xbot_y z", true),
            ("Mozilla/5.0 (X11) x botany z", false),
            ("Mozilla/5.0 (X11) x cubot z", false),
            ("Mozilla/5.0 (X11) xcubot z", true),
            ("Mozilla/5.0 (X11) x ubot z", true),
        ] {
            assert_eq!(bots.matches(agent.as_bytes()), bot, "{agent}");
        }
    }
}
