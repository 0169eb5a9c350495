//! A cluster at work: the API server, the controllers, and on each node a kubelet, a plugin and a kube-proxy.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use sim_core::family::AddressFamily;
use sim_core::id::ProcId;
use sim_core::rng::SimRng;
use sim_core::world::World;

use crate::api::{self, ApiServer, Applied, Refusals};
use crate::cni::{self, CniError, HostPort, Peer, Plugin, Runtime, Sandbox, sandbox};
use crate::controllers::{self, Restless, pod_life};
use crate::events::Events;
use crate::host::{CallError, Host};
use crate::kubelet;
use crate::manifest::Placed;
use crate::object::{Key, Object};
use crate::proxy::config::Config;
use crate::proxy::service::Protocol;
use crate::proxy::{self, Known, KubeProxy, Reading, Version};
use crate::topology::{self, BuildError, Machine, NodeRole, Topology};
use crate::workload::Server;

/// How often controllers and nodes take turns before they are taken to never come to rest.
const ROUNDS: usize = 100;
/// How many pods a node takes.
const MAX_PODS: &str = "110";

/// A cluster and the world that it is in.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The machines and all that is on them.
    pub world: World,
    api: ApiServer,
    rng: SimRng,
    settings: controllers::Settings,
    version: Version,
    /// The plugin, if pods are connected.
    plugin: Option<cni::Setup>,
    /// The settings of kube-proxy, if there is one.
    proxy: Option<Config>,
    /// What all kube-proxies know of Services and endpoints.
    known: Known,
    nodes: BTreeMap<String, Member>,
    events: Events,
}

/// A machine of the cluster.
#[derive(Clone, Debug)]
struct Member {
    uplink: sim_core::link::DevName,
    mtu: u32,
    internal_ip: Ipv4Addr,
    plugin: Option<Box<dyn Plugin>>,
    /// Whether it has started.
    has_started: bool,
    /// Why the plugin does not start, or does not reach all other nodes.
    fault: Option<CniError>,
    proxy: Option<KubeProxy>,
    /// The pods that run here.
    pods: BTreeMap<Key, Running>,
}

/// A pod on a machine.
#[derive(Clone, Debug)]
struct Running {
    /// Its sandbox, if it has a network of its own.
    sandbox: Option<Sandbox>,
    /// What its containers run.
    programs: Vec<ProcId>,
}

/// A cluster could not be made, or does not come to rest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClusterError {
    /// The machines could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A component failed on a node.
    #[error("{0}: {1}")]
    Call(String, CallError),
    /// A plugin was asked for something that is not modelled, or could not take a pod's network away.
    #[error("{0}: {1}")]
    Cni(String, CniError),
    /// The API server does not start so.
    #[error(transparent)]
    Settings(#[from] api::SettingsError),
    /// It refused one of the cluster's own objects.
    #[error("{0}")]
    Refused(String),
    /// The controllers do not come to rest.
    #[error(transparent)]
    Restless(#[from] Restless),
    /// Controllers and nodes don't.
    #[error("the cluster has not come to rest in {ROUNDS} rounds")]
    Unsettled,
}

impl Cluster {
    /// Makes the cluster of a topology, without any pods; `proxy` has the settings of its kube-proxies. Without nodes it
    /// has only its machines.
    ///
    /// # Errors
    /// When something could not be made.
    pub fn start(topology: &Topology, proxy: Config) -> Result<Self, ClusterError> {
        Self::start_in(World::new(topology.seed), topology, proxy)
    }

    /// Makes it in a new world, which may already be recorded.
    ///
    /// # Errors
    /// When something could not be made.
    pub fn start_in(
        mut world: World,
        topology: &Topology,
        proxy: Config,
    ) -> Result<Self, ClusterError> {
        topology.build_in(&mut world)?;
        let spec = topology.cluster.as_ref();
        let mut settings = api::Settings { seed: topology.seed, ..api::Settings::default() };
        let mut controller_settings = controllers::Settings {
            now: Time(Timestamp::UNIX_EPOCH),
            ..controllers::Settings::default()
        };
        if let Some(spec) = spec {
            settings.service_cidrs = vec![IpNet::V4(spec.service_cidr.value.trunc())];
            settings.node_ports = spec.node_ports.clone();
            settings.version = api_version(spec.version);
            controller_settings.cluster_cidrs = vec![IpNet::V4(spec.pod_cidr.value.trunc())];
            controller_settings.node_cidr_mask_size_ipv4 = spec.node_mask;
        }
        let mut cluster = Self {
            world,
            api: ApiServer::new(settings)?,
            rng: SimRng::new(topology.seed),
            settings: controller_settings,
            version: spec.map(|spec| spec.version).unwrap_or_default(),
            plugin: spec.and_then(|spec| spec.cni.clone()),
            proxy: spec
                .filter(|spec| spec.kube_proxy)
                .map(|spec| with_range(proxy, spec.pod_cidr.value)),
            known: Known::default(),
            nodes: BTreeMap::new(),
            events: Events::default(),
        };
        for (machine, role) in topology.nodes() {
            cluster.join(topology, machine, role)?;
        }
        let first = topology.nodes().find_map(|(machine, _)| machine.ip());
        cluster.api.publish(first.map(IpAddr::V4).as_slice());
        cluster.settle()?;
        Ok(cluster)
    }

    /// The API server.
    #[must_use]
    pub const fn api(&self) -> &ApiServer {
        &self.api
    }

    /// What components have told about objects.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// Why the plugin of a node does not start or does not reach all others, which a real one writes into its log.
    #[must_use]
    pub fn plugin_fault(&self, node: &str) -> Option<&CniError> {
        self.nodes.get(node)?.fault.as_ref()
    }

    /// Applies objects as `kubectl apply` does, and waits until the cluster is at rest again.
    ///
    /// # Errors
    /// When one is refused: then nothing has changed.
    pub fn apply(
        &mut self,
        objects: &[Placed],
    ) -> Result<Result<Vec<Applied>, Refusals>, ClusterError> {
        match self.api.apply(objects) {
            Ok(applied) => self.settle().map(|()| Ok(applied)),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Deletes the objects of a manifest, and waits until the cluster is at rest again.
    ///
    /// # Errors
    /// When one cannot be deleted: then nothing has changed.
    pub fn delete(&mut self, objects: &[Placed]) -> Result<Result<(), Refusals>, ClusterError> {
        match self.api.delete(objects) {
            Ok(_) => self.settle().map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Deletes one object, and waits until the cluster is at rest again.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub fn delete_one(&mut self, object: Object) -> Result<Result<(), Refusals>, ClusterError> {
        match self.api.delete_one(object) {
            Ok(_) => self.settle().map(Ok),
            Err(statuses) => {
                let refusal = |status| api::Refusal { place: None, status };
                Ok(Err(Refusals(statuses.into_iter().map(refusal).collect())))
            }
        }
    }

    /// Has a machine be a node.
    fn join(
        &mut self,
        topology: &Topology,
        machine: &Machine,
        role: &NodeRole,
    ) -> Result<(), ClusterError> {
        let Some(interface) = machine.interfaces.first() else { return Ok(()) };
        let internal_ip = interface.address.addr();
        let ready = kubelet::ready_condition(self.version, self.plugin.is_some());
        let node = node_object(machine, role, internal_ip, ready);
        let created = self.api.create(Object::from(node));
        if let Err(refused) = created {
            let words: Vec<String> = refused.iter().map(ToString::to_string).collect();
            return Err(ClusterError::Refused(words.join("\n")));
        }
        let member = Member {
            uplink: interface.name,
            mtu: topology.networks[interface.network].mtu,
            internal_ip,
            plugin: None,
            has_started: false,
            fault: None,
            proxy: None,
            pods: BTreeMap::new(),
        };
        self.nodes.insert(machine.name.clone(), member);
        let version = self.version;
        self.on(&machine.name, |host| {
            sandbox::prepare_node(host)?;
            kubelet::write_rules(host, version)
        })
    }

    /// Does something on a machine.
    fn on<T>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Host<'_>) -> Result<T, CallError>,
    ) -> Result<T, ClusterError> {
        let done = act(&mut topology::host(&mut self.world, name)?);
        done.map_err(|error| ClusterError::Call(name.to_owned(), error))
    }

    /// Lets controllers and nodes work until there is nothing left to do; then rules follow.
    fn settle(&mut self) -> Result<(), ClusterError> {
        for _ in 0..ROUNDS {
            let mut changed =
                controllers::reconcile(self.api.store_mut(), &self.settings, &mut self.rng)?;
            changed |= self.start_plugins()?;
            changed |= self.stop_pods()?;
            changed |= self.start_pods()?;
            if !changed {
                return self.sync_proxies();
            }
        }
        Err(ClusterError::Unsettled)
    }

    /// Starts the plugins of nodes that have addresses for pods; whether one was started.
    fn start_plugins(&mut self) -> Result<bool, ClusterError> {
        let Some(plugin) = self.plugin.clone() else { return Ok(false) };
        let mut started = false;
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        for name in &names {
            started |= self.start_plugin(&plugin, name)?;
        }
        if started {
            let running = |n: &&String| self.nodes.get(*n).is_some_and(|member| member.has_started);
            let running: Vec<&String> = names.iter().filter(running).collect();
            for name in running {
                let peers: Vec<Peer> =
                    names.iter().filter(|n| *n != name).filter_map(|n| self.peer(n)).collect();
                let set =
                    self.with_member_plugin(name, |plugin, host| plugin.set_peers(host, &peers));
                self.keep_fault(name, set)?;
            }
        }
        Ok(started)
    }

    /// Starts the plugin of a node if it has not started; whether it has now.
    fn start_plugin(&mut self, setup: &cni::Setup, name: &str) -> Result<bool, ClusterError> {
        let Some(node) = self.cni_node(name) else { return Ok(false) };
        let made = setup.on(node).map_err(|error| ClusterError::Cni(name.to_owned(), error));
        let Some(mut plugin) = self.keep_fault(name, made.map(Some))? else { return Ok(false) };
        let started = self.with_plugin(name, |host| plugin.start(host));
        let annotations = self.keep_fault(name, started.map(Some))?;
        let Some(member) = self.nodes.get_mut(name) else { return Ok(false) };
        member.plugin = Some(plugin);
        member.has_started = annotations.is_some();
        let Some(annotations) = annotations else { return Ok(false) };
        let object = self.api.store_mut().nodes.get_mut(&Key::of_cluster(name));
        if let Some(object) = object.filter(|_| !annotations.is_empty()) {
            object.metadata.annotations.get_or_insert_default().extend(annotations);
        }
        Ok(true)
    }

    /// Keeps why a plugin failed, which only its log tells, unless it is because of the model.
    fn keep_fault<T>(
        &mut self,
        name: &str,
        done: Result<Option<T>, ClusterError>,
    ) -> Result<Option<T>, ClusterError> {
        let (done, fault) = match done {
            Err(ClusterError::Cni(_, error)) if !error.is_unmodelled() => (None, Some(error)),
            done => (done?, None),
        };
        if let Some(member) = self.nodes.get_mut(name) {
            member.fault = fault;
        }
        Ok(done)
    }

    /// What a plugin that is still to be started has to know of its node.
    fn cni_node(&self, name: &str) -> Option<cni::Node> {
        let member = self.nodes.get(name).filter(|member| !member.has_started)?;
        let peer = self.peer(name)?;
        let cluster_cidr = self.settings.cluster_cidrs.iter().find_map(|net| match net {
            IpNet::V4(net) => Some(*net),
            IpNet::V6(_) => None,
        })?;
        Some(cni::Node {
            name: peer.name,
            internal_ip: peer.internal_ip,
            uplink: member.uplink,
            mtu: member.mtu,
            pod_cidr: peer.pod_cidr,
            cluster_cidr,
            annotations: peer.annotations,
        })
    }

    /// A node as others see it, once it has addresses for pods.
    fn peer(&self, name: &str) -> Option<Peer> {
        let key = Key::of_cluster(name);
        let node = self.api.store().get::<core::Node>(&key)?;
        let cidr = node.spec.as_ref()?.pod_cidr.as_ref()?;
        Some(Peer {
            name: name.to_owned(),
            internal_ip: self.nodes.get(name)?.internal_ip,
            pod_cidr: cidr.parse::<Ipv4Net>().ok()?,
            annotations: node.metadata.annotations.clone().unwrap_or_default(),
        })
    }

    /// Does something with a plugin on a machine.
    fn with_plugin<T>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Host<'_>) -> Result<T, CniError>,
    ) -> Result<T, ClusterError> {
        let done = act(&mut topology::host(&mut self.world, name)?);
        done.map_err(|error| ClusterError::Cni(name.to_owned(), error))
    }

    /// Does something with the plugin of a node, if it runs.
    fn with_member_plugin<T>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut dyn Plugin, &mut Host<'_>) -> Result<T, CniError>,
    ) -> Result<Option<T>, ClusterError> {
        let plugin = self.nodes.get_mut(name).and_then(|member| member.plugin.take());
        let Some(mut plugin) = plugin else { return Ok(None) };
        let done = self.with_plugin(name, |host| act(plugin.as_mut(), host));
        if let Some(member) = self.nodes.get_mut(name) {
            member.plugin = Some(plugin);
        }
        done.map(Some)
    }

    /// Ends pods that are to end; whether there were any.
    fn stop_pods(&mut self) -> Result<bool, ClusterError> {
        let store = self.api.store();
        let ending = pod_life::terminating_pods(store);
        let ends = |key: &&Key| !store.pods.contains_key(key) || ending.contains(key);
        let gone = self.nodes.iter().flat_map(|(node, member)| {
            let gone = member.pods.keys().filter(ends);
            gone.map(move |key| (node.clone(), key.clone()))
        });
        let gone: Vec<(String, Key)> = gone.collect();
        for (node, key) in &gone {
            let running = self.nodes.get_mut(node).and_then(|member| member.pods.remove(key));
            let Some(running) = running else { continue };
            for program in running.programs {
                self.world.reap(program);
            }
            if let Some(sandbox) = running.sandbox {
                self.with_member_plugin(node, |plugin, host| {
                    sandbox::stop(host, plugin, &sandbox)
                })?;
            }
        }
        for key in &ending {
            // It may have gone with something else.
            drop(pod_life::remove_pod(self.api.store_mut(), key));
        }
        Ok(!gone.is_empty() || !ending.is_empty())
    }

    /// Starts pods that are bound to nodes and do not run yet; whether there were any.
    fn start_pods(&mut self) -> Result<bool, ClusterError> {
        let mut started = false;
        for key in pod_life::pods_without_network(self.api.store()) {
            let Some(pod) = self.api.store().pods.get(&key).cloned() else { continue };
            let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) else {
                continue;
            };
            let sandbox = sandbox_of(&key, &pod);
            let now = self.settings.now.clone();
            let ips = match self.connect(&node, &sandbox)? {
                Some(Ok(ips)) => ips,
                Some(Err(message)) => {
                    let reason = "FailedCreatePodSandBox";
                    self.events.warn(&pod, &node, reason, message, &now);
                    continue;
                }
                None => continue,
            };
            if pod_life::set_pod_ip(self.api.store_mut(), &key, &ips, &now).is_err() {
                continue;
            }
            let programs = self.start_containers(&sandbox.netns, &pod)?;
            self.remember(&node, key, Running { sandbox: Some(sandbox), programs });
            started = true;
        }
        started |= self.start_host_pods()?;
        Ok(started)
    }

    /// Has a node's plugin connect a pod: its addresses, or what the kubelet tells, which will try it again; nothing where
    /// there is no plugin.
    fn connect(
        &mut self,
        node: &str,
        sandbox: &Sandbox,
    ) -> Result<Option<Result<Vec<IpAddr>, String>>, ClusterError> {
        let mut runtime = Runtime::Cni;
        let added = self.with_member_plugin(node, |plugin, host| {
            runtime = plugin.runtime();
            sandbox::run(host, plugin, sandbox)
        });
        let error = match added {
            Ok(Some(ips)) => return Ok(Some(Ok(ips))),
            Ok(None) => match self.plugin_fault(node) {
                Some(fault) => fault.clone(),
                None => return Ok(None),
            },
            Err(ClusterError::Cni(_, error)) if !error.is_unmodelled() => error,
            Err(error) => return Err(error),
        };
        Ok(Some(Err(sandbox::failure(self.version, runtime, sandbox, &error))))
    }

    /// Starts pods in the networks of their nodes.
    fn start_host_pods(&mut self) -> Result<bool, ClusterError> {
        let runs = |key: &Key| self.nodes.values().any(|member| member.pods.contains_key(key));
        let new = self.api.store().pods.iter().filter(|(key, pod)| {
            let spec = pod.spec.as_ref();
            let is_bound =
                spec.is_some_and(|s| s.host_network == Some(true) && s.node_name.is_some());
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            is_bound && phase == Some("Running") && !runs(key)
        });
        let new: Vec<(Key, core::Pod)> = new.map(|(key, pod)| (key.clone(), pod.clone())).collect();
        for (key, pod) in &new {
            let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) else {
                continue;
            };
            let programs = self.start_containers(&node, pod)?;
            self.remember(&node, key.clone(), Running { sandbox: None, programs });
        }
        Ok(!new.is_empty())
    }

    fn remember(&mut self, node: &str, key: Key, running: Running) {
        if let Some(member) = self.nodes.get_mut(node) {
            member.pods.insert(key, running);
        }
    }

    /// Starts what a pod's containers run: a server on each declared port.
    fn start_containers(
        &mut self,
        netns: &str,
        pod: &core::Pod,
    ) -> Result<Vec<ProcId>, ClusterError> {
        let id = self.world.netns_by_name(netns);
        let id = id.ok_or_else(|| BuildError::NoNamespace(netns.to_owned()))?;
        let name = pod.metadata.name.clone().unwrap_or_default();
        let servers = container_ports(pod).filter_map(|port| {
            let protocol = Protocol::from_api(port.protocol.as_deref())?;
            let number = u16::try_from(port.container_port).ok()?;
            // There are no sockets of SCTP.
            (protocol != Protocol::Sctp).then(|| Server::new(name.clone(), protocol, number))
        });
        let servers: Vec<Server> = servers.collect();
        let start = |server| self.world.spawn_program("server", id, Box::new(server));
        Ok(servers.into_iter().map(start).collect())
    }

    /// Has every kube-proxy write its rules.
    fn sync_proxies(&mut self) -> Result<(), ClusterError> {
        let Some(config) = self.proxy.clone() else { return Ok(()) };
        let reading = Reading { family: AddressFamily::Inet, version: self.version };
        self.known.update(reading, self.api.store());
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        for name in names {
            let key = Key::of_cluster(&name);
            let Some(node) = self.api.store().nodes.get(&key) else { continue };
            let Some(member) = self.nodes.get_mut(&name) else { continue };
            let mut proxy = match member.proxy.take() {
                Some(proxy) => proxy,
                None if !proxy::can_start(&config, node) => continue,
                None => KubeProxy::new(self.version, config.clone(), node),
            };
            let mut host = topology::host(&mut self.world, &name)?;
            let synced = proxy.sync(node, &self.known, &mut host);
            if let Some(member) = self.nodes.get_mut(&name) {
                member.proxy = Some(proxy);
            }
            synced.map_err(|error| ClusterError::Call(name.clone(), error))?;
        }
        Ok(())
    }

    /// The address of a Service in the cluster.
    #[must_use]
    pub fn service_ip(&self, namespace: &str, name: &str) -> Option<Ipv4Addr> {
        let key = Key { namespace: namespace.to_owned(), name: name.to_owned() };
        let service = self.api.store().services.get(&key)?;
        service.spec.as_ref()?.cluster_ip.as_ref()?.parse().ok()
    }

    /// The address of a Pod.
    #[must_use]
    pub fn pod_ip(&self, namespace: &str, name: &str) -> Option<Ipv4Addr> {
        let key = Key { namespace: namespace.to_owned(), name: name.to_owned() };
        let pod = self.api.store().pods.get(&key)?;
        pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
    }
}

/// The name of a pod's namespace in the world: `web-0.default`.
#[must_use]
pub fn netns_of(key: &Key) -> String {
    format!("{}.{}", key.name, key.namespace)
}

const fn api_version(version: Version) -> api::Version {
    match version {
        Version::V1_20 => api::Version::V1_20,
        Version::V1_30 => api::Version::V1_30,
        Version::V1_36 => api::Version::V1_36,
    }
}

/// The settings with the range of pods, if they have none.
fn with_range(mut config: Config, pods: Ipv4Net) -> Config {
    if config.cluster_cidr.is_empty() {
        config.cluster_cidr = pods.trunc().to_string();
    }
    config
}

/// The Node of a machine, as its kubelet registers it.
fn node_object(
    machine: &Machine,
    role: &NodeRole,
    ip: Ipv4Addr,
    ready: core::NodeCondition,
) -> core::Node {
    let mut node = core::Node::default();
    node.metadata.name = Some(machine.name.clone());
    let mut labels = role.labels.clone();
    for (key, value) in [
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/hostname", machine.name.as_str()),
        ("kubernetes.io/os", "linux"),
    ] {
        labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    node.metadata.labels = Some(labels);
    if let Some(cidr) = role.pod_cidr {
        let spec = node.spec.get_or_insert_default();
        spec.pod_cidr = Some(cidr.to_string());
        spec.pod_cidrs = Some(vec![cidr.to_string()]);
    }
    let address =
        |type_: &str, address: String| core::NodeAddress { type_: type_.to_owned(), address };
    let mut addresses = vec![address("InternalIP", ip.to_string())];
    addresses.extend(role.external_ip.map(|ip| address("ExternalIP", ip.to_string())));
    addresses.push(address("Hostname", machine.name.clone()));
    let status = node.status.get_or_insert_default();
    status.addresses = Some(addresses);
    let pods = [("pods".to_owned(), Quantity(MAX_PODS.to_owned()))];
    status.allocatable = Some(pods.clone().into());
    status.capacity = Some(pods.into());
    status.conditions = Some(vec![ready]);
    node
}

/// The ports that a pod's containers declare.
fn container_ports(pod: &core::Pod) -> impl Iterator<Item = &core::ContainerPort> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.flat_map(|container| container.ports.iter().flatten())
}

/// The sandbox of a pod with a network of its own.
fn sandbox_of(key: &Key, pod: &core::Pod) -> Sandbox {
    let host_ports = container_ports(pod).filter_map(|port| {
        Some(HostPort {
            protocol: Protocol::from_api(port.protocol.as_deref())?,
            host_port: u16::try_from(port.host_port?).ok().filter(|port| *port != 0)?,
            container_port: u16::try_from(port.container_port).ok()?,
            host_ip: port.host_ip.as_ref().and_then(|ip| ip.parse().ok()),
        })
    });
    Sandbox {
        id: netns_of(key),
        netns: netns_of(key),
        pod_namespace: key.namespace.clone(),
        pod_name: key.name.clone(),
        host_ports: host_ports.collect(),
    }
}
