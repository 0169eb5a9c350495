//! One datagram over each path, from socket to socket, with nobody watching.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sim_benches::path::PATHS;
use sim_benches::scene::Scene;
use sim_benches::simulated::Flow;

fn packet_walk(c: &mut Criterion) {
    let mut group = c.benchmark_group("packet_walk");
    group.throughput(Throughput::Elements(1));
    for path in PATHS {
        let mut flow = Flow::new(&Scene::of(path));
        group.bench_function(path.name, |b| b.iter(|| flow.send()));
    }
    group.finish();
}

criterion_group!(benches, packet_walk);
criterion_main!(benches);
