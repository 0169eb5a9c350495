//! What kube-proxy's own unit tests expect of packets of IPv6, with our rules on the real kernel.
//!
//! A node has the rules that our proxier writes. Real sockets connect from where the flows come from; what they send is
//! seen at the endpoints. A socket is connected only by an answer from the address that it asked: so the answers of the
//! endpoints have come back as from there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use libtest_mimic::{Failed, Trial};
use sim_core::case::Observed;
use sim_core::case::format::from_hex;
use sim_core::family::AddressFamily;
use sim_kube::host::IptablesBackend;
use sim_tests::differential::RealKernel;
use sim_tests::rules::{Line, Tools};
use sim_tests::unit_flows::{Expected, Flow, NODE_INET6, State, Written, without_comments};

/// So many connections are opened of each flow: with two endpoints both show.
const CONNECTIONS: u16 = 24;
/// The milliseconds between two of them, and those between two flows.
const PACE: usize = 2;
const PAUSE: usize = 50;
/// The address of the node towards pods. No client asks it, or has it.
const GATEWAY: &str = "fd00:10::1";
/// The port at which endpoints listen.
const PORT: u16 = 80;
/// The node.
const NODE: &str = "node";
/// Who is behind each wire of the node, and with which address.
const BEYOND: [(&str, &str); 4] = [
    ("wire", "2600:5200::1"),
    ("pod", "fd00:10::2"),
    ("ep1", "fd00:10:180::1"),
    ("ep2", "fd00:10:180::2:1"),
];
/// Those of them that endpoints are.
const ENDPOINTS: [&str; 2] = ["ep1", "ep2"];
/// What is set in each namespace before it has devices: there are no other addresses than those that it is given, and
/// these can be used at once.
const SYSCTLS: [&str; 6] = [
    "all.disable_ipv6=0",
    "default.disable_ipv6=0",
    "default.accept_dad=0",
    "default.dad_transmits=0",
    "default.accept_ra=0",
    "default.addr_gen_mode=1",
];

/// The trials. Where the real kernel, or its tools, cannot be asked, they are ignored, unless that is `required`.
pub(crate) fn trials(kernel: &Result<Arc<RealKernel>, String>, required: bool) -> Vec<Trial> {
    let tools = Tools::new().map(Arc::new).map_err(|error| error.to_string());
    let mut trials = Vec::new();
    for state in State::all(AddressFamily::Inet6) {
        for backend in [IptablesBackend::Nft, IptablesBackend::Legacy] {
            let name = |what| format!("unit_flow::{}, {}: {what}", state.name, tool(backend));
            let (same, ours, tools) =
                (name("real tools save the same"), state.clone(), tools.clone());
            let ignored = tools.is_err() && !required;
            let trial =
                Trial::test(same, move || rules_are_saved_the_same(&*tools?, &ours, backend));
            trials.push(trial.with_ignored_flag(ignored));
            let (go, ours, kernel) =
                (name("packets go there and back"), state.clone(), kernel.clone());
            let ignored = kernel.is_err() && !required;
            let trial =
                Trial::test(go, move || packets_go_there_and_back(&*kernel?, &ours, backend));
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    trials
}

const fn tool(backend: IptablesBackend) -> &'static str {
    match backend {
        IptablesBackend::Nft => "ip6tables-nft",
        IptablesBackend::Legacy => "ip6tables-legacy",
    }
}

/// The commands that bring the rules to a node, each with what it reads.
fn load(written: &Written, backend: IptablesBackend) -> [(String, &str); 3] {
    let restore = format!("{}-restore", tool(backend));
    [
        // The proxier makes it by a request of its own.
        ("nfacct add ct_state_invalid_dropped_pkts".to_owned(), ""),
        (format!("{restore} --noflush"), &written.jumps),
        (format!("{restore} -w 5 --noflush --counters"), &written.rules),
    ]
}

/// After the same input, the real `ip6tables-save` prints what ours does.
fn rules_are_saved_the_same(
    tools: &Tools,
    state: &State,
    backend: IptablesBackend,
) -> Result<(), Failed> {
    let written = state.write(backend)?;
    let save = (format!("{}-save", tool(backend)), "");
    let commands = load(&written, backend).into_iter().chain([save]);
    let lines: Vec<Line> = commands
        .map(|(command, stdin)| Line {
            argv: command.split(' ').map(str::to_owned).collect(),
            stdin: stdin.to_owned(),
        })
        .collect();
    let said = tools.ask(&lines)?;
    if let Some(failed) = said.iter().find(|said| said.status != 0) {
        return Err(Failed::from(&failed.stderr));
    }
    let real = without_comments(&said.last().ok_or("nothing was said")?.stdout);
    let ours = &written.saved;
    if real == *ours { Ok(()) } else { Err(format!("real:\n{real}\nours:\n{ours}").into()) }
}

/// Connections of each flow reach the endpoints that they should, as from whom they should, and answers come back.
fn packets_go_there_and_back(
    kernel: &RealKernel,
    state: &State,
    backend: IptablesBackend,
) -> Result<(), Failed> {
    let written = state.write(backend)?;
    let folder = tempfile::tempdir()?;
    let (packets, lines) = packets(state);
    let mut setup = network(state);
    for (n, (command, stdin)) in load(&written, backend).into_iter().enumerate() {
        fs::write(folder.path().join(format!("stdin{n}")), stdin)?;
        setup.push(format!("ip netns exec {NODE} {command} < stdin{n}"));
    }
    write_lines(&folder.path().join("setup.sh"), &setup)?;
    write_lines(&folder.path().join("packets.txt"), &packets)?;
    let observed = kernel.look(folder.path(), false)?;
    let mut found = String::new();
    for (number, (flow, lines)) in state.flows.iter().zip(lines).enumerate() {
        if let Err(why) = as_expected(&observed, flow, number, &lines) {
            writeln!(found, "{} > {}: {why}", flow.src, flow.to)?;
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found.into()) }
}

fn write_lines(path: &Path, lines: &[String]) -> std::io::Result<()> {
    fs::write(path, lines.join("\n") + "\n")
}

/// The commands that build the node and what is around it. Nobody has to ask for neighbours.
fn network(state: &State) -> Vec<String> {
    let mut setup = Vec::new();
    for name in BEYOND.iter().map(|(name, _)| *name).chain([NODE]) {
        let sysctls = SYSCTLS.map(|setting| format!("net.ipv6.conf.{setting}")).join(" ");
        setup.push(format!("ip netns add {name}"));
        setup.push(format!("ip netns exec {name} sysctl -qw {sysctls}"));
        setup.push(format!("ip -n {name} link set lo up"));
    }
    setup.push(format!("ip netns exec {NODE} sysctl -qw net.ipv6.conf.all.forwarding=1"));
    let asked = state.flows.iter().map(|flow| flow.to.ip()).filter(|ip| !ip.is_loopback());
    let senders = BEYOND.iter().map(|(_, address)| address).chain([&GATEWAY]);
    let known: BTreeSet<String> =
        asked.map(|ip| ip.to_string()).chain(senders.map(ToString::to_string)).collect();
    for (n, (name, address)) in BEYOND.iter().enumerate() {
        let (here, there) = (format!("02:00:00:00:01:0{n}"), format!("02:00:00:00:02:0{n}"));
        setup.push(format!(
            "ip -n {NODE} link add {name} address {here} type veth peer name end address {there} netns {name}"
        ));
        setup.push(format!("ip -n {NODE} link set {name} up"));
        setup.push(format!("ip -n {name} link set end up"));
        let own: &[&str] = if *name == "wire" { &NODE_INET6 } else { &[GATEWAY] };
        for own in own {
            setup.push(format!("ip -n {NODE} addr add {own}/128 dev {name} nodad"));
        }
        setup.push(format!("ip -n {NODE} route add {address}/128 dev {name}"));
        setup.push(format!(
            "ip -n {NODE} neigh add {address} lladdr {there} dev {name} nud permanent"
        ));
        setup.push(format!("ip -n {name} addr add {address}/128 dev end nodad"));
        setup.push(format!("ip -n {name} route add ::/0 dev end"));
        for other in known.iter().filter(|other| other != address) {
            setup.push(format!(
                "ip -n {name} neigh add {other} lladdr {here} dev end nud permanent"
            ));
        }
    }
    setup
}

/// The steps, and in which lines those of each flow are.
fn packets(state: &State) -> (Vec<String>, Vec<Range<usize>>) {
    let mut steps = Vec::new();
    for (name, address) in BEYOND.iter().filter(|(name, _)| ENDPOINTS.contains(name)) {
        steps.push(format!("0 {name} - tcp-listen {address} {PORT}"));
    }
    // Whoever is not led away finds somebody.
    let asked: BTreeSet<SocketAddr> = state.flows.iter().map(|flow| flow.to).collect();
    for to in asked.iter().filter(|to| is_of_node(&to.ip().to_string())) {
        steps.push(format!("0 {NODE} - tcp-listen {} {}", to.ip(), to.port()));
    }
    let mut now = 0;
    let mut lines = Vec::new();
    for (number, flow) in state.flows.iter().enumerate() {
        now += PAUSE;
        let first = steps.len() + 1;
        for port in ports(number) {
            now += PACE;
            let (from, Flow { src, to, .. }) = (place(flow), flow);
            let to = format!("{} {}", to.ip(), to.port());
            steps.push(format!("{now} {from} - tcp-connect {src} {port} {to}"));
        }
        lines.push(first..steps.len() + 1);
    }
    (steps, lines)
}

/// From which ports the connections of a flow are opened.
fn ports(number: usize) -> Range<u16> {
    let first = 20_000 + CONNECTIONS * u16::try_from(number).expect("a state has few flows");
    first..first + CONNECTIONS
}

fn is_of_node(address: &str) -> bool {
    NODE_INET6.contains(&address) || address == "::1"
}

/// The namespace that a flow comes from.
fn place(flow: &Flow) -> &'static str {
    let src = flow.src.to_string();
    BEYOND.iter().find(|(_, address)| *address == src).map_or(NODE, |(name, _)| name)
}

/// Tells what is not as it should be.
fn as_expected(
    observed: &Observed,
    flow: &Flow,
    number: usize,
    lines: &Range<usize>,
) -> Result<(), String> {
    let sent: BTreeSet<SocketAddr> =
        ports(number).map(|port| SocketAddr::new(flow.src, port)).collect();
    let arrived = arrived(observed, lines);
    match &flow.expected {
        Expected::Endpoints { to, are_masqueraded } => {
            let sources: BTreeSet<SocketAddr> = arrived.iter().map(|(from, _)| *from).collect();
            let reached: BTreeSet<SocketAddr> = arrived.iter().map(|(_, to)| *to).collect();
            let are_the_nodes = sources.iter().all(|from| from.ip().to_string() == GATEWAY);
            let is_well = if *are_masqueraded { are_the_nodes } else { sources == sent };
            if reached != *to || !is_well || arrived.len() != sent.len() {
                return Err(format!("at the endpoints came {arrived:?}"));
            }
        }
        Expected::Unchanged => {
            let taken = taken_by_node(observed, flow.to);
            if !arrived.is_empty() || !taken.is_superset(&sent) {
                return Err(format!("the node took {taken:?}, at the endpoints came {arrived:?}"));
            }
        }
        other @ (Expected::Accepted | Expected::Rejected | Expected::Dropped) => {
            return Err(format!("no flow of IPv6 ends as {other:?}"));
        }
    }
    let connected = connected(observed, place(flow));
    let mut left = ports(number).filter(|port| !connected.contains(port));
    left.next().map_or(Ok(()), |port| Err(format!("no answer came back to port {port}")))
}

/// The first packets of connections that came to endpoints while these steps ran: their sources and destinations.
fn arrived(observed: &Observed, lines: &Range<usize>) -> BTreeSet<(SocketAddr, SocketAddr)> {
    let devs = ENDPOINTS.iter().filter_map(|name| observed.netns.get(*name)?.devs.get("end"));
    let frames = devs.flat_map(|dev| &dev.frames).filter(|frame| lines.contains(&frame.step));
    frames.filter_map(|frame| syn(&from_hex(&frame.hex)?)).collect()
}

/// Source and destination of a SYN.
fn syn(frame: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let Some(NetSlice::Ipv6(ip)) = &packet.net else { return None };
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return None };
    let header = ip.header();
    let from = SocketAddr::new(header.source_addr().into(), tcp.source_port());
    let to = SocketAddr::new(header.destination_addr().into(), tcp.destination_port());
    (tcp.syn() && !tcp.ack()).then_some((from, to))
}

/// Whom a socket of the node at `to` accepted.
fn taken_by_node(observed: &Observed, to: SocketAddr) -> BTreeSet<SocketAddr> {
    let socket = format!("listen {to}");
    let events = observed.sockets.iter().filter(|event| event.netns == NODE);
    let accepts = events.filter(|event| event.socket == socket && event.what == "accept");
    accepts.filter_map(|event| event.data.parse().ok()).collect()
}

/// The ports of the connections from `place` that were answered.
fn connected(observed: &Observed, place: &str) -> BTreeSet<u16> {
    let events = observed.sockets.iter().filter(|event| event.netns == place);
    let connected = events.filter(|event| event.what == "connected");
    connected.filter_map(|event| event.socket.strip_prefix("tcp ")?.parse().ok()).collect()
}
