"""What has to be known of a statement before the engine gets it: is it one, and where does an INSERT's data begin?"""

import re
from typing import NamedTuple, Optional

_TOKEN = re.compile(
    rb"""(?P<space>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
    |(?P<quoted>'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_BLANK_LINE_END = re.compile(rb"[ \t]*;?[ \t]*(?:\r?\n)?")


class Insert(NamedTuple):
    head: str  # without FORMAT or VALUES
    data_format: str
    data: bytes


def _tokens(text):
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            yield match


def parse_insert(text) -> Optional[Insert]:
    """The INSERT whose data follows it; None for every other statement, such as `INSERT … SELECT` or `… FROM INFILE`."""
    depth, before, before_start = 0, None, 0
    for number, token in enumerate(_tokens(text)):
        word = token.group().upper()
        if number == 0 and word != b"INSERT":
            return None
        if word in (b"(", b")"):
            depth += 1 if word == b"(" else -1
        elif depth == 0 and before == b"FORMAT" and token.lastgroup == "word":
            data = text[_BLANK_LINE_END.match(text, token.end()).end() :]
            return Insert(text[:before_start].decode(), token.group().decode(), data)
        elif depth == 0 and word == b"VALUES" and number > 2:
            return Insert(text[: token.start()].decode(), "Values", text[token.end() :])
        elif depth == 0 and word in (b"SELECT", b"WITH", b"FROM", b"WATCH"):
            return None
        before, before_start = word, token.start()
    return None


def split_settings(head):
    """What stands before the SETTINGS of an INSERT, and from there on: a file is named between the two."""
    depth, text = 0, head.encode()
    for token in _tokens(text):
        if token.group() in (b"(", b")"):
            depth += 1 if token.group() == b"(" else -1
        elif depth == 0 and token.group().upper() == b"SETTINGS":
            return text[: token.start()].decode(), text[token.start() :].decode()
    return head, ""


def is_empty(text):
    return next(_tokens(text), None) is None


def is_several(text):
    """More than one statement, which the engine would run one after the other and a server refuses."""
    ended = False
    for token in _tokens(text):
        if token.group() == b";":
            ended = True
        elif ended:
            return True
    return False
