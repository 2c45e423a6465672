//! The production shape: the roles as processes around real servers, broken in every way that is promised to do no harm.
//! What is sent has known right answers, and what the stores hold afterwards is counted again by code that shares none with them.

mod audit;
mod books;
mod broken;
mod cluster;
mod drive;
mod faults;
mod hands;
mod http;
mod journal;
mod proxy;
mod role;
#[path = "../e2e/kill/seeded.rs"]
mod seeded;
mod servers;
mod stream;
mod wait;

/// Runs a test on one thread: what it starts ends with it, and nothing is shared between threads.
fn on_one_thread<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

/// How often a fault is done: a few times where all tests run, and many times where somebody asks for it.
fn rounds(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |rounds| rounds.parse().expect("a number of rounds"))
}
