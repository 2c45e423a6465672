-- For whoever asks questions: reads all facts, changes nothing, and cannot take the server from the processors.
-- Run it once as an administrator, with `refmill` replaced where the database has another name, and give each analyst a user.

CREATE ROLE IF NOT EXISTS refmill_reader SETTINGS
    readonly = 2,
    max_execution_time = 60 CHANGEABLE_IN_READONLY,
    max_memory_usage = 8000000000,
    max_rows_to_read = 2000000000,
    max_threads = 4,
    priority = 10,
    allow_ddl = 0;

GRANT SELECT, SHOW ON refmill.* TO refmill_reader;

CREATE QUOTA IF NOT EXISTS refmill_reader FOR INTERVAL 1 HOUR MAX queries = 1000, execution_time = 1800 TO refmill_reader;

-- CREATE USER IF NOT EXISTS jane IDENTIFIED BY '…' DEFAULT ROLE refmill_reader;
-- GRANT refmill_reader TO jane;
