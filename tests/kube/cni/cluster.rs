//! Two nodes with pods, a switch between them, and a machine that is none of the cluster.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use sim_core::errno::Errno;
use sim_core::id::{NetnsId, SocketId};
use sim_core::socket::SocketType;
use sim_core::world::World;
use sim_kube::cni::{self, HostPort, Node, Peer, Plugin, Sandbox, sandbox};
use sim_kube::host::{Host, IptablesBackend};
use sim_kube::kubelet;
use sim_kube::proxy::Version;
use sim_kube::proxy::service::Protocol;

/// The switch is the first namespace; `ext` has no route to pods, and an address that is in no network.
const SETUP: &str = "
ip link add br0 type bridge
ip link set br0 up
ip netns add node1
ip netns add node2
ip netns add ext
ip link add port1 type veth peer name eth0 address 02:00:00:00:00:01 netns node1
ip link add port2 type veth peer name eth0 address 02:00:00:00:00:02 netns node2
ip link add port3 type veth peer name eth0 address 02:00:00:00:00:03 netns ext
ip link set port1 master br0 up
ip link set port2 master br0 up
ip link set port3 master br0 up
ip -n node1 addr add 10.0.0.1/24 dev eth0
ip -n node2 addr add 10.0.0.2/24 dev eth0
ip -n ext addr add 10.0.0.3/24 dev eth0
ip -n node1 link set lo up
ip -n node2 link set lo up
ip -n ext link set lo up
ip -n node1 link set eth0 up
ip -n node2 link set eth0 up
ip -n ext link set eth0 up
ip -n ext addr add 192.0.2.1/32 dev lo
ip -n node1 route add default via 10.0.0.3
ip -n node2 route add default via 10.0.0.3
";

/// The commands that show a namespace.
pub(crate) const LOOKS: &[&str] = &[
    "ip -d link",
    "ip addr",
    "ip route",
    "ip route show table local",
    "ip neigh",
    "bridge fdb",
    "iptables-save",
];

/// A machine with a plugin.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) netns: NetnsId,
    pub(crate) plugin: Box<dyn Plugin>,
    pub(crate) peer: Peer,
}

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) nodes: Vec<Member>,
}

/// The address of a client; without a connection, what it was told at once.
pub(crate) type Seen = Result<String, Option<Errno>>;

/// What a node of the cluster is.
pub(crate) fn node(number: u8) -> Node {
    Node {
        name: format!("node{number}"),
        internal_ip: format!("10.0.0.{number}").parse().unwrap(),
        uplink: "eth0".parse().unwrap(),
        mtu: 1500,
        pod_cidr: format!("10.244.{number}.0/24").parse().unwrap(),
        cluster_cidr: "10.244.0.0/16".parse().unwrap(),
        annotations: Default::default(),
    }
}

/// The sandbox of a pod; its container's number is made of its name.
pub(crate) fn pod(name: &str) -> Sandbox {
    Sandbox {
        id: format!("{name:0>64}"),
        netns: name.to_owned(),
        pod_namespace: "default".to_owned(),
        pod_name: name.to_owned(),
        host_ports: Vec::new(),
    }
}

/// A port of the node.
pub(crate) fn port(protocol: Protocol, host_port: u16, container_port: u16) -> HostPort {
    HostPort { protocol, host_port, container_port, host_ip: None }
}

impl Cluster {
    /// Starts a plugin on both nodes.
    pub(crate) fn start(make: impl Fn(Node) -> Box<dyn Plugin>) -> Self {
        let mut cluster = Self { world: World::new(0), nodes: Vec::new() };
        cluster.world.keep_journal();
        for line in SETUP.lines().filter(|line| !line.is_empty()) {
            cluster.run("", line);
        }
        for number in [1, 2] {
            let node = node(number);
            let netns = cluster.netns(&node.name);
            let mut plugin = make(node.clone());
            sandbox::prepare_node(&mut cluster.host(netns)).unwrap();
            let annotations = plugin.start(&mut cluster.host(netns)).unwrap();
            let Node { name, internal_ip, pod_cidr, .. } = node;
            let peer = Peer { name, internal_ip, pod_cidr, annotations };
            cluster.nodes.push(Member { netns, plugin, peer });
        }
        cluster.introduce();
        cluster
    }

    /// Starts the plugin of this name, and two pods on the first node, one on the second.
    pub(crate) fn with_pods(plugin: &str) -> Self {
        let mut cluster = Self::start(|node| cni::plugin(plugin, node).unwrap());
        cluster.add(0, &pod("pa"));
        cluster.add(0, &pod("pb"));
        cluster.add(1, &pod("pc"));
        cluster
    }

    /// Has a kubelet of 1.20 write its rules on the first node, and lets loopback addresses be routed, as kube-proxy does.
    pub(crate) fn start_kubelet(&mut self) {
        self.on(0, |host, _| {
            kubelet::write_rules(host, Version::V1_20).unwrap();
            host.set_sysctl("net.ipv4.conf.all.route_localnet", "1").unwrap();
        });
    }

    /// Tells each node of the others.
    pub(crate) fn introduce(&mut self) {
        let peers: Vec<Peer> = self.nodes.iter().map(|node| node.peer.clone()).collect();
        for index in 0..self.nodes.len() {
            let name = peers[index].name.clone();
            let others: Vec<Peer> = peers.iter().filter(|p| p.name != name).cloned().collect();
            self.on(index, |host, plugin| plugin.set_peers(host, &others)).unwrap();
        }
    }

    /// Has a plugin do something on its node.
    pub(crate) fn on<T>(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Host<'_>, &mut dyn Plugin) -> T,
    ) -> T {
        let Self { world, nodes } = self;
        let Member { netns, plugin, .. } = &mut nodes[index];
        let mut host = Host { world, netns: *netns, iptables: IptablesBackend::default() };
        act(&mut host, plugin.as_mut())
    }

    /// Runs a pod on a node; answers its address.
    pub(crate) fn add(&mut self, index: usize, pod: &Sandbox) -> IpAddr {
        let ips = self.on(index, |host, plugin| sandbox::run(host, plugin, pod)).unwrap();
        ips[0]
    }

    /// Ends a pod of a node.
    pub(crate) fn del(&mut self, index: usize, pod: &Sandbox) {
        self.on(index, |host, plugin| sandbox::stop(host, plugin, pod)).unwrap();
    }

    pub(crate) fn netns(&self, name: &str) -> NetnsId {
        if name.is_empty() {
            return self.world.initial_netns();
        }
        self.world.netns_by_name(name).unwrap()
    }

    fn host(&mut self, netns: NetnsId) -> Host<'_> {
        Host { world: &mut self.world, netns, iptables: IptablesBackend::default() }
    }

    /// What a command prints, whose words have no blanks; it has to work.
    pub(crate) fn run(&mut self, netns: &str, line: &str) -> String {
        let (status, output) = self.try_to(netns, line);
        assert_eq!(status, 0, "{line}: {output}");
        output
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let end = self.world.now() + Duration::from_secs(seconds);
        self.world.run_until(end);
    }

    /// Has `from` connect to an address behind which `server` listens at port `at`, and the two talk; answers the
    /// client's address as the server sees it.
    pub(crate) fn tcp(&mut self, from: &str, to: &str, (server, at): (&str, u16)) -> Seen {
        let (client, server) = (self.netns(from), self.netns(server));
        let listener = self.world.socket(server, SocketType::Tcp).unwrap();
        self.world.bind(listener, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, at)).unwrap();
        self.world.listen(listener, 1).unwrap();
        let client = self.world.socket(client, SocketType::Tcp).unwrap();
        let connected = self.world.connect(client, to.parse().unwrap());
        self.wait(2);
        let accepted = self.world.accept(listener).map_err(|_| connected.err());
        let seen = accepted.map(|accepted| {
            self.world.send(client, b"hello").unwrap();
            self.wait(1);
            let mut heard = Vec::new();
            self.world.recv(accepted, &mut heard, 10).unwrap();
            assert_eq!(heard, b"hello");
            let peer = self.world.peer_addr(accepted).unwrap();
            // Who closes first cannot use the port again for some time.
            self.world.close_socket(client);
            self.wait(1);
            self.world.close_socket(accepted);
            peer.ip().to_string()
        });
        if seen.is_err() {
            self.world.close_socket(client);
        }
        self.world.close_socket(listener);
        self.wait(1);
        seen
    }

    /// Opens a socket of UDP.
    pub(crate) fn udp(&mut self, netns: &str, port: u16) -> SocketId {
        let netns = self.netns(netns);
        let socket = self.world.socket(netns, SocketType::Udp).unwrap();
        self.world.bind(socket, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)).unwrap();
        socket
    }

    /// The status of a command, and what it prints.
    pub(crate) fn try_to(&mut self, netns: &str, line: &str) -> (u8, String) {
        let argv: Vec<&str> = line.split_whitespace().collect();
        let netns = self.netns(netns);
        let outcome = self.host(netns).run(&argv, "").unwrap();
        (outcome.status, outcome.stdout + &outcome.stderr)
    }

    /// All that is to be seen of a namespace.
    pub(crate) fn look(&mut self, netns: &str) -> String {
        let mut seen = Vec::new();
        for line in LOOKS {
            let output = self.run(netns, line);
            seen.push(format!("{netns}# {line}\n"));
            let lines = output.lines().filter(|line| !line.starts_with('#'));
            seen.extend(lines.map(|line| format!("{}\n", line.trim_end())));
        }
        seen.concat()
    }

    /// The rules of a namespace.
    pub(crate) fn rules(&mut self, netns: &str) -> String {
        let saved = self.run(netns, "iptables-save");
        let lines = saved.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// The values of settings.
    pub(crate) fn settings(&mut self, netns: &str, names: &[&str]) -> String {
        names.iter().map(|name| self.run(netns, &format!("sysctl {name}"))).collect()
    }
}
