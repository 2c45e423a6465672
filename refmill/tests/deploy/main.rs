//! What is deployed with: the compose file, the entry, Prometheus and the Grafana board. None of it may say what the tests' own
//! servers, the binary or its metrics do not.

mod board;
mod compose;
mod entry;
mod image;
mod source;
mod versions;
