use std::fmt::{self, Display, Write};

/// A page as it grows. Tags and names of attributes are the program's own; all else is escaped, so no text of a document can be more
/// than text. What is opened is closed: the page is XML as well as HTML.
#[derive(Default)]
pub(crate) struct Markup {
    text: String,
}

pub(crate) type Attribute<'a> = (&'static str, &'a dyn Display);

impl Markup {
    pub(crate) fn within(&mut self, tag: &'static str, attributes: &[Attribute<'_>], inside: impl FnOnce(&mut Markup)) {
        self.open(tag, attributes, ">");
        inside(self);
        self.raw(format_args!("</{tag}>"));
    }

    pub(crate) fn element(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: impl Display) {
        self.within(tag, attributes, |inside| inside.text(text));
    }

    /// One that holds nothing.
    pub(crate) fn empty(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.open(tag, attributes, "/>");
    }

    pub(crate) fn text(&mut self, text: impl Display) {
        write!(Escaping(&mut self.text), "{text}").expect("a string takes all that is written to it");
    }

    /// The program's own, such as its style sheet.
    pub(crate) fn own(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// What another page has taken and escaped.
    pub(crate) fn made(&mut self, part: Markup) {
        self.text.push_str(&part.text);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn line(&mut self) {
        self.text.push('\n');
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>], end: &'static str) {
        self.raw(format_args!("<{tag}"));
        for (name, value) in attributes {
            self.raw(format_args!(" {name}=\""));
            self.text(value);
            self.text.push('"');
        }
        self.text.push_str(end);
    }

    fn raw(&mut self, text: fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes all that is written to it");
    }
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\t' | '\n' => self.0.push(letter),
                // Neither XML nor anybody's eyes can take these; some turn the text around them.
                '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.0.push('\u{fffd}'),
                letter if letter.is_control() => self.0.push('\u{fffd}'),
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut page = Markup::default();
        page.element("p", &[("title", &text)], text);
        assert_eq!(page.finish(), format!("<p title=\"{expected}\">{expected}</p>"));
    }

    #[test]
    fn text_stays_text() {
        check("plain, µs and 1.5 × 2", "plain, µs and 1.5 × 2");
        check("<script>alert('a')</script>", "&lt;script&gt;alert(&#39;a&#39;)&lt;/script&gt;");
        check("\" onload=\"x", "&quot; onload=&quot;x");
        check("&amp; ]]>", "&amp;amp; ]]&gt;");
        check("a\u{0}b\u{1b}[31m\u{202e}c", "a\u{fffd}b\u{fffd}[31m\u{fffd}c");
    }
}
