//! The table of connections when it holds a million of them.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sim_core::netfilter::conntrack::table::ConnTable;
use sim_core::netfilter::conntrack::{Conn, Tuple, Zone};
use sim_core::packet::IpProto;

/// How many connections there are.
const COUNT: u32 = 1_000_000;

/// The tuple of the `n`th client's connection, and that of the answers.
fn tuples(n: u32) -> [Tuple; 2] {
    let client = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + n / 16);
    let port = 1024 + u16::try_from(n % 16).expect("below 16");
    let (client, server) = ((client, port), (Ipv4Addr::new(192, 0, 2, 1), 443));
    [Tuple::new(IpProto::TCP, client, server), Tuple::new(IpProto::TCP, server, client)]
}

fn filled() -> ConnTable {
    let mut table = ConnTable::default();
    for n in 0..COUNT {
        let id = table.insert(Conn::between(tuples(n)));
        table.link(id);
    }
    table
}

fn conntrack(c: &mut Criterion) {
    let mut group = c.benchmark_group("conntrack_at_a_million");
    group.throughput(Throughput::Elements(1));
    let mut table = filled();
    let mut n = 0_u32;
    group.bench_function("lookup", |b| {
        b.iter(|| {
            // A stride that visits all of them, far from one another.
            n = (n + 7_919_111) % COUNT;
            let [_, reply] = tuples(n);
            black_box(table.find(&reply, Zone::default()).next())
        });
    });
    let mut next = COUNT;
    group.bench_function("insert", |b| {
        b.iter_batched(
            || {
                next += 1;
                Conn::between(tuples(next))
            },
            |conn| {
                let id = table.insert(conn);
                table.link(id);
                table.unlink(id);
                black_box(table.remove(id))
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, conntrack);
criterion_main!(benches);
