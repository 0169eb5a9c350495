//! What the simulator costs in memory: no allocation per packet when warm, and little for a namespace
//! that nothing happens in. A binary of its own, because it replaces the allocator.

use std::net::SocketAddrV4;
use std::time::Duration;

use allocation_counter::measure;
use sim_benches::path::PATHS;
use sim_benches::rules::Shape;
use sim_benches::scene::{Scene, Traffic};
use sim_benches::simulated::Flow;
use sim_core::errno::Errno;
use sim_core::socket::SocketType;
use sim_core::world::World;

/// More than the receiver's queue holds and than any buffer has to grow for.
const WARM_UP: usize = 2_000;

#[test]
fn a_warm_path_allocates_nothing_per_datagram() {
    let ruled = [
        Scene::chain(Shape::Mixed, 100),
        Scene::chain(Shape::Indexed, 100),
        Scene::services(10, Traffic::OneFlow),
    ];
    for scene in PATHS.iter().map(Scene::of).chain(ruled) {
        let mut flow = Flow::new(&scene);
        for _ in 0..WARM_UP {
            flow.send();
        }
        let before = flow.arrived();
        let cost = measure(|| {
            for _ in 0..1_000 {
                flow.send();
            }
        });
        assert_eq!(cost.count_total, 0, "{}: {cost:?}", scene.name);
        assert_eq!(flow.arrived() - before, 1_000, "{}", scene.name);
    }
}

#[test]
fn a_warm_connection_allocates_nothing_per_segment() {
    const PIECE: [u8; 4_000] = [7; 4_000];
    for path in PATHS {
        let mut world = Flow::new(&Scene::of(path)).world;
        let to = SocketAddrV4::new(path.to.1, 80);
        let [client, listener] = [path.from.0, path.to.0].map(|name| {
            let netns = world.netns_by_name(name).unwrap();
            world.socket(netns, SocketType::Tcp).unwrap()
        });
        world.bind(listener, to).unwrap();
        world.listen(listener, 1).unwrap();
        let begun = world.connect(client, to);
        assert!(matches!(begun, Ok(()) | Err(Errno::EINPROGRESS)), "{begun:?}");
        let server = world.accept(listener).unwrap();
        let mut buf = Vec::with_capacity(PIECE.len());
        let mut received = 0;
        let mut pass = |times: usize| {
            for _ in 0..times {
                assert_eq!(world.send(client, &PIECE), Ok(PIECE.len()));
                let end = world.now() + Duration::from_millis(1);
                world.run_until(end);
                while let Ok(len @ 1..) = world.recv(server, &mut buf, PIECE.len()) {
                    received += len;
                }
            }
        };
        pass(WARM_UP);
        let cost = measure(|| pass(1_000));
        assert_eq!(cost.count_total, 0, "{}: {cost:?}", path.name);
        assert!(received >= (WARM_UP + 990) * PIECE.len(), "{}: {received}", path.name);
    }
}

/// The most bytes that a namespace with its loopback device may take. 5,000 nodes with 150,000 pods have
/// to fit on a laptop.
const IDLE_NAMESPACE_BYTES: u64 = 4_096;

#[test]
#[expect(clippy::print_stdout, reason = "the number is worth knowing")]
fn an_idle_namespace_costs_little() {
    const MANY: u64 = 10_000;
    let mut world = World::new(1);
    let cost = measure(|| {
        for _ in 0..MANY {
            world.kernel.add_netns();
        }
    });
    let each = u64::try_from(cost.bytes_current).unwrap_or(0) / MANY;
    println!("an idle namespace takes {each} bytes");
    assert!(each <= IDLE_NAMESPACE_BYTES, "{each} bytes");
}
