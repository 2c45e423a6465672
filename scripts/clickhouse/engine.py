"""One request, one connection to the engine: nothing of a request's database, settings or unread output reaches the next."""

import os
import re
from contextlib import contextmanager
from typing import NamedTuple

import chdb
from statement import is_empty, is_several, parse_insert, split_settings

_CODE = re.compile(r"Code: (\d+)\. DB::\w*Exception: ")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")

BAD_REQUEST = set(
    """BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_QUOTED_STRING
    CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING CANNOT_PARSE_IPV4
    CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED CANNOT_PARSE_UUID DUPLICATE_COLUMN ILLEGAL_COLUMN
    UNKNOWN_ELEMENT_IN_AST THERE_IS_NO_COLUMN TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE SYNTAX_ERROR
    INCORRECT_DATA TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE""".split()
)
NOT_FOUND = set(
    """UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE UNKNOWN_SETTING
    UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT UNKNOWN_DATABASE_ENGINE
    UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE""".split()
)
OTHER_STATUS = {
    "REQUIRED_PASSWORD": 401,
    "UNKNOWN_USER": 403,
    "WRONG_PASSWORD": 403,
    "AUTHENTICATION_FAILED": 403,
    "ACCESS_DENIED": 403,
    "TIMEOUT_EXCEEDED": 408,
    "QUERY_IS_TOO_LARGE": 413,
    "NOT_IMPLEMENTED": 501,
    "SOCKET_TIMEOUT": 503,
    "CANNOT_OPEN_FILE": 503,
    "CANNOT_SCHEDULE_TASK": 503,
}


class Refused(Exception):
    """What a server answers instead of a result: a code, its name, a text; the status follows from the name."""

    def __init__(self, code, name, text):
        super().__init__(text)
        self.code, self.name, self.text = code, name, text

    @classmethod
    def of_engine(cls, error):
        # The wrapper puts words of its own in front, and repeats code and name around some errors.
        text = str(error)
        codes, names = list(_CODE.finditer(text)), _NAME.findall(text)
        if not codes or not names:
            return cls(1002, "UNKNOWN_EXCEPTION", text)
        text = text[codes[-1].end() :]
        return cls(int(codes[-1].group(1)), names[-1], text.partition(f" ({names[-1]})")[0])

    @property
    def status(self):
        if self.name in BAD_REQUEST:
            return 400
        if self.name in NOT_FOUND:
            return 404
        return OTHER_STATUS.get(self.name, 500)


class Result(NamedTuple):
    content: bytes
    summary: dict


def quoted(text, mark="'"):
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


class Engine:
    def __init__(self, folder):
        self._folder = folder
        # The engine lives as long as a connection to it does.
        self._keeper = chdb.connect(folder)
        self.version = self._keeper.query("SELECT version()", "TSV").bytes().decode().strip()

    def close(self):
        self._keeper.close()

    def run(self, text, body, database, reply_format, settings, readonly):
        """`text` and `body` are one statement in two places, as the query parameter and the body of a request are."""
        insert = parse_insert(text)
        if insert:
            insert = insert._replace(data=insert.data + body)
        else:
            insert = parse_insert(text + body)
        with self._connection(database, settings, readonly) as connection:
            if insert:
                return self._insert(connection, insert)
            return self._query(connection, text + body, reply_format)

    @contextmanager
    def _connection(self, database, settings, readonly):
        connection = chdb.connect(self._folder)
        try:
            if database:
                connection.query("USE " + quoted(database, "`"))
            # The engine alone guesses a missing SELECT, a server doesn't.
            connection.query(f"SET implicit_select = 0, readonly = {readonly}")
            for name, _ in settings:
                if not name.isidentifier():
                    raise Refused(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
            if settings:
                connection.query("SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in settings))
            yield connection
        except (RuntimeError, chdb.ChdbError) as error:
            raise Refused.of_engine(error) from error
        finally:
            connection.close()

    def _insert(self, connection, insert):
        # The engine reads the data as a file. Its insert by pieces reports no error of a view that the rows are pushed to.
        head, options = split_settings(insert.head)
        file = os.memfd_create("insert")
        try:
            with open(file, "wb", closefd=False) as content:
                content.write(insert.data)
            source = f"FROM INFILE '/proc/{os.getpid()}/fd/{file}' COMPRESSION 'none'"
            done = connection.query(f"{head} {source} {options} FORMAT {insert.data_format}")
            rows, size = done.rows_written(), done.bytes_written()
            read = {"read_rows": rows, "read_bytes": size, "written_rows": rows, "written_bytes": size}
            return Result(b"", summary(**read, elapsed=done.elapsed()))
        finally:
            os.close(file)

    def _query(self, connection, text, reply_format):
        if is_empty(text):
            raise Refused(62, "SYNTAX_ERROR", "Empty query")
        if is_several(text):
            raise Refused(62, "SYNTAX_ERROR", "Multi-statements are not allowed")
        result = connection.query(text.decode("utf-8", "surrogateescape"), reply_format)
        return Result(
            result.bytes(),
            summary(
                read_rows=result.storage_rows_read(),
                read_bytes=result.storage_bytes_read(),
                written_rows=result.rows_written(),
                written_bytes=result.bytes_written(),
                result_rows=result.rows_read(),
                result_bytes=result.bytes_read(),
                elapsed=result.elapsed(),
            ),
        )


def summary(*, elapsed, **counts):
    names = ["read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows", "result_bytes"]
    whole = {name: str(counts.get(name, 0)) for name in names}
    whole["elapsed_ns"] = str(int(elapsed * 1e9))
    return whole
