//! Clicks appended durably, by how many wait at once.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use schemas::time::TimeMs;
use stores::{
    DeploymentId,
    log::{Class, Log, LogLimits},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const RECORD_BYTES: usize = 300;

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let folder = TempDir::new().expect("a folder can be made");
    let log = Log::open(folder.path(), DeploymentId(1), LogLimits::default(), Box::new(|| TimeMs(1)))
        .expect("a new log opens");
    let mut group = criterion.benchmark_group("log_append");
    for waiting in [1, 64, 1_000, 4_000] {
        group.throughput(Throughput::Elements(waiting));
        group.bench_function(format!("{waiting} waiting"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let records = (0..waiting)
                        .map(|_| log.enqueue(0, Class::Click, vec![7; RECORD_BYTES]).expect("the queue has room"));
                    for appending in records.collect::<Vec<_>>() {
                        appending.await.expect("the disk has room");
                    }
                });
            });
        });
    }
    group.finish();
    runtime.block_on(log.close());
}

criterion_group!(benches, append);
criterion_main!(benches);
