//! The page as a file: whole, of one piece, for every reader.

use std::collections::HashSet;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Value, json};

use crate::documents::{Made, compared, each, made, single};

fn parsed(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(html, options).expect("the page is well-formed")
}

fn named<'a, 'input>(document: &'a Document<'input>, name: &str) -> Vec<Node<'a, 'input>> {
    document.descendants().filter(|node| node.tag_name().name() == name).collect()
}

fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter_map(|node| if node.is_text() { node.text() } else { None }).collect()
}

/// Elements that run or fetch, and attributes that do.
fn reaches_out(document: &Document<'_>) -> Vec<String> {
    const ELEMENTS: [&str; 14] = [
        "script",
        "link",
        "img",
        "image",
        "iframe",
        "object",
        "embed",
        "use",
        "foreignObject",
        "video",
        "audio",
        "form",
        "base",
        "animate",
    ];
    let mut found = Vec::new();
    for node in document.descendants().filter(Node::is_element) {
        if ELEMENTS.contains(&node.tag_name().name()) {
            found.push(format!("<{}>", node.tag_name().name()));
        }
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            let within = name == "href" && value.starts_with('#');
            let fetches = ["src", "srcset", "href", "style", "action", "poster", "data"].contains(&name);
            if name.starts_with("on") || (fetches && !within) {
                found.push(format!("{name}={value}"));
            }
        }
    }
    for style in named(document, "style") {
        let style = text(style);
        found.extend(
            ["url(", "@import", "http"].iter().filter(|part| style.contains(*part)).map(|part| part.to_string()),
        );
    }
    found
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let Made { html, .. } = made(&[&single(), &compared()]);
    assert_eq!(reaches_out(&parsed(&html)), Vec::<String>::new());
    assert!(html.contains("default-src &#39;none&#39;"));
    // The control: what reaches out is found.
    let broken = html.replace("<h1>", "<script>a()</script><img src=\"http://there\" onload=\"a()\"/><h1>");
    assert_eq!(reaches_out(&parsed(&broken)).len(), 4);
}

#[test]
fn every_reference_leads_somewhere() {
    let Made { html, .. } = made(&[&single(), &compared()]);
    let document = parsed(&html);
    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let known: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len(), "each id is there once");
    for node in document.descendants() {
        let links = node.attribute("href").into_iter().map(|link| link.trim_start_matches('#'));
        for id in links.chain(node.attribute("aria-labelledby").unwrap_or_default().split_whitespace()) {
            assert!(known.contains(id), "{id}");
        }
    }
}

#[test]
fn every_chart_is_told_in_words_and_numbers() {
    let Made { html, .. } = made(&[&single(), &compared()]);
    let document = parsed(&html);
    let figures = named(&document, "figure");
    for section in ["comparison-", "cost-", "parts-", "speed-", "latency-", "sweep-", "stages-", "memory-", "growth-"] {
        assert!(
            figures.iter().any(|figure| figure.attribute("id").is_some_and(|id| id.starts_with(section))),
            "{section}"
        );
    }
    for figure in figures {
        let id = figure.attribute("id").expect("a figure has an id");
        let drawings: Vec<Node<'_, '_>> = figure.children().filter(|node| node.tag_name().name() == "svg").collect();
        assert_eq!(drawings.len(), 2, "{id}: one for a page and one for a phone");
        for drawing in drawings {
            assert_eq!(drawing.attribute("role"), Some("img"), "{id}");
            let named_by = drawing.attribute("aria-labelledby").unwrap_or_default();
            for part in ["title", "desc"] {
                let says = drawing.children().find(|node| node.tag_name().name() == part).expect("it has one");
                assert!(
                    text(says).len() > 3 && named_by.contains(says.attribute("id").expect("an id")),
                    "{id}: {part}"
                );
            }
        }
        assert!(figure.descendants().any(|node| node.tag_name().name() == "td"), "{id} has a table");
    }
    for table in named(&document, "table") {
        let rows = table.descendants().filter(|node| node.tag_name().name() == "tr");
        let widths: HashSet<usize> = rows.map(|row| row.children().count()).collect();
        assert_eq!(widths.len(), 1, "as many cells in each row: {}", text(table));
    }
}

#[test]
fn nothing_is_drawn_outside_of_its_chart() {
    let Made { html, .. } = made(&[&single(), &compared()]);
    for drawing in named(&parsed(&html), "svg") {
        let view = drawing.attribute("viewBox").expect("a chart has a size");
        let size: Vec<i64> = view.split(' ').map(whole).collect();
        for node in drawing.descendants().filter(Node::is_element) {
            for (name, most) in [("x", size[2]), ("cx", size[2]), ("x1", size[2]), ("x2", size[2])].into_iter().chain([
                ("y", size[3]),
                ("cy", size[3]),
                ("y1", size[3]),
                ("y2", size[3]),
            ]) {
                let at = node.attribute(name).map(whole);
                assert!(at.is_none_or(|at| (0..=most).contains(&at)), "{name} of {node:?}, in {view}");
            }
        }
    }
}

fn whole(number: &str) -> i64 {
    let whole = number.split('.').next().unwrap_or_default();
    whole.parse().unwrap_or_else(|_| panic!("{number} is a number"))
}

#[test]
fn text_of_a_document_stays_text() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'&]]>\u{0}\u{202e}|`<img src=x onerror=alert(1)>";
    const SHOWN: &str = "<script>alert(1)</script>\"";
    let hostile = |document: Value| {
        let mut document = renamed(document, HOSTILE);
        each(&mut document, &mut |value| {
            if let Some(text) = value.as_str().filter(|text| !is_word(text)) {
                *value = json!(format!("{HOSTILE}{text}"));
            }
        });
        document
    };
    let Made { html, table, .. } = made(&[&hostile(single()), &hostile(compared())]);
    let document = parsed(&html);
    assert_eq!(reaches_out(&document), Vec::<String>::new());
    for place in ["h3", "td", "code", "dd", "title", "text", "li", "summary"] {
        assert!(named(&document, place).into_iter().any(|node| text(node).contains(SHOWN)), "a {place} says it");
    }
    assert!(!table.contains("<script") && !table.contains("<img"));
    let lines = |table: &str| table.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(lines(&table), lines(&made(&[&single(), &compared()]).table));
}

/// Words that the format knows, and nobody writes freely.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "click",
        "batch",
        "conversion",
        "day",
        "beacon",
        "redirect",
        "as_answered",
        "after_delivery",
        "after_sync",
        "when_queued",
        "nothing",
        "acknowledged",
    ];
    WORDS.contains(&text)
}

/// The same with other names of threads, products, queries and kinds: keys are text too.
fn renamed(mut document: Value, hostile: &str) -> Value {
    each(&mut document, &mut |value| {
        for map in ["parts_cpu_ns", "versions", "queries_us", "latency_by_kind"] {
            if let Some(map) = value.get_mut(map).and_then(Value::as_object_mut) {
                let renamed = std::mem::take(map).into_iter().map(|(name, value)| (format!("{hostile}{name}"), value));
                *map = renamed.collect();
            }
        }
    });
    document
}
