//! Chains of rules that do not match, asked one by one or through the index; services as kube-proxy lays
//! them out, at the first packet of a flow and at later ones; and how long it takes to load all that.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sim_benches::path::CLUSTER;
use sim_benches::rules::{self, RULES_OF_SERVICE, Shape};
use sim_benches::scene::{SERVICES, Scene, Traffic};
use sim_benches::simulated::{Flow, restore};

/// How many rules are loaded at once.
const LOADED: u32 = 50_000;
/// After how many flows the table of connections is emptied.
const FLOWS: u64 = 10_000;

fn plain_chain(c: &mut Criterion) {
    for (shape, name) in [(Shape::Mixed, "mixed"), (Shape::Indexed, "indexed")] {
        let mut group = c.benchmark_group(format!("plain_chain/{name}"));
        for count in [1_000, 10_000] {
            group.throughput(Throughput::Elements(count.into()));
            let mut flow = Flow::new(&Scene::chain(shape, count));
            group.bench_function(format!("compiled/{count}"), |b| b.iter(|| flow.send()));
            flow.interpret();
            group.bench_function(format!("interpreted/{count}"), |b| b.iter(|| flow.send()));
        }
        group.finish();
    }
}

fn services(c: &mut Criterion) {
    let mut group = c.benchmark_group("services");
    group.throughput(Throughput::Elements(1));
    for count in SERVICES {
        let mut flow = Flow::new(&Scene::services(count, Traffic::FirstPackets));
        group.bench_function(format!("first/{count}"), |b| {
            b.iter_custom(|times| first_packets(&mut flow, times));
        });
        let mut flow = Flow::new(&Scene::services(count, Traffic::OneFlow));
        group.bench_function(format!("established/{count}"), |b| b.iter(|| flow.send()));
    }
    group.finish();
}

/// Begins that many flows, and forgets them now and then, which does not count.
fn first_packets(flow: &mut Flow, times: u64) -> Duration {
    let mut taken = Duration::ZERO;
    let mut left = times;
    while left > 0 {
        let now = left.min(FLOWS);
        let begun = Instant::now();
        for _ in 0..now {
            flow.send();
        }
        taken += begun.elapsed();
        left -= now;
        flow.forget_connections();
    }
    taken
}

fn load(c: &mut Criterion) {
    let rules = rules::services(LOADED / RULES_OF_SERVICE);
    let world = Flow::new(&Scene::of(&CLUSTER)).world;
    let mut group = c.benchmark_group("restore");
    group.throughput(Throughput::Elements(LOADED.into())).sample_size(10);
    group.bench_function(LOADED.to_string(), |b| {
        b.iter_batched_ref(
            || world.clone(),
            |world| restore(world, black_box(&rules)),
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, plain_chain, services, load);
criterion_main!(benches);
