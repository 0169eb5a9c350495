//! The environment variables that tell a container of Services (`pkg/kubelet/envvars`).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Pod, Service};

use crate::object::Store;

/// The namespace of the Service that every container is told of.
const MASTER_NAMESPACE: &str = "default";
/// Its name.
const MASTER_SERVICE: &str = "kubernetes";

/// The variables of a pod whose containers start now, by name.
///
/// kubelet computes them once, from the Services that there are at that time.
#[must_use]
pub fn variables(pod: &Pod, store: &Store) -> BTreeMap<String, String> {
    let links = pod.spec.as_ref().and_then(|spec| spec.enable_service_links).unwrap_or(true);
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let is_master = |service: &Service| {
        service.metadata.namespace.as_deref() == Some(MASTER_NAMESPACE)
            && service.metadata.name.as_deref() == Some(MASTER_SERVICE)
    };
    let in_namespace =
        |service: &Service| service.metadata.namespace.as_deref().unwrap_or_default() == namespace;
    let mut variables = BTreeMap::new();
    let services = || store.services.values();
    services().filter(|service| is_master(service)).for_each(|s| add(s, &mut variables));
    // One of the pod's own namespace wins over the one of all.
    let linked = services().filter(|service| links && in_namespace(service));
    linked.for_each(|service| add(service, &mut variables));
    variables
}

/// Adds the variables of one Service; it has none without an address.
fn add(service: &Service, variables: &mut BTreeMap<String, String>) {
    let Some(spec) = &service.spec else { return };
    let Some(ip) = spec.cluster_ip.as_deref().and_then(|ip| ip.parse::<IpAddr>().ok()) else {
        return;
    };
    let ports = spec.ports.as_deref().unwrap_or_default();
    let Some(first) = ports.first() else { return };
    let name = upper(service.metadata.name.as_deref().unwrap_or_default());
    let mut set = |end: String, value: String| variables.insert(format!("{name}_{end}"), value);
    set("SERVICE_HOST".to_owned(), ip.to_string());
    set("SERVICE_PORT".to_owned(), first.port.to_string());
    for (i, port) in ports.iter().enumerate() {
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            set(format!("SERVICE_PORT_{}", upper(name)), port.port.to_string());
        }
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let lower = protocol.to_lowercase();
        let number = u16::try_from(port.port).unwrap_or(0);
        let url = format!("{lower}://{}", SocketAddr::new(ip, number));
        if i == 0 {
            set("PORT".to_owned(), url.clone());
        }
        let prefix = format!("PORT_{}_{}", port.port, protocol.to_uppercase());
        set(prefix.clone(), url);
        set(format!("{prefix}_PROTO"), lower);
        set(format!("{prefix}_PORT"), port.port.to_string());
        set(format!("{prefix}_ADDR"), ip.to_string());
    }
}

/// A name as variables have it.
fn upper(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    const SERVICES: &str = "\
apiVersion: v1
kind: Service
metadata: {name: redis, namespace: shop}
spec:
  clusterIP: 10.43.2.2
  ports: [{name: redis, port: 6379, protocol: TCP}, {name: sentinel, port: 26379, protocol: TCP}]
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, namespace: default}
spec:
  clusterIP: 10.43.0.1
  ports: [{name: https, port: 443, protocol: TCP}]
---
apiVersion: v1
kind: Service
metadata: {name: my-dns, namespace: shop}
spec:
  clusterIP: fd00::a
  ports: [{port: 53, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: shop}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: shop}
spec: {type: ExternalName, externalName: example.com, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: default}
spec: {clusterIP: 10.43.0.9, ports: [{port: 80}]}
";

    fn store() -> Store {
        let mut store = Store::default();
        for object in manifest::read(SERVICES).unwrap() {
            object.put(&mut store);
        }
        store
    }

    fn text(pod: &Pod) -> String {
        let lines = variables(pod, &store()).into_iter();
        lines.map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    fn pod() -> Pod {
        let mut pod = Pod::default();
        pod.metadata.namespace = Some("shop".to_owned());
        pod
    }

    /// As the documentation of Services lists them for such Services.
    #[test]
    fn a_container_is_told_of_the_services_with_addresses_in_its_namespace_and_of_the_api() {
        let expected = "\
KUBERNETES_PORT=tcp://10.43.0.1:443
KUBERNETES_PORT_443_TCP=tcp://10.43.0.1:443
KUBERNETES_PORT_443_TCP_ADDR=10.43.0.1
KUBERNETES_PORT_443_TCP_PORT=443
KUBERNETES_PORT_443_TCP_PROTO=tcp
KUBERNETES_SERVICE_HOST=10.43.0.1
KUBERNETES_SERVICE_PORT=443
KUBERNETES_SERVICE_PORT_HTTPS=443
MY_DNS_PORT=udp://[fd00::a]:53
MY_DNS_PORT_53_UDP=udp://[fd00::a]:53
MY_DNS_PORT_53_UDP_ADDR=fd00::a
MY_DNS_PORT_53_UDP_PORT=53
MY_DNS_PORT_53_UDP_PROTO=udp
MY_DNS_SERVICE_HOST=fd00::a
MY_DNS_SERVICE_PORT=53
REDIS_PORT=tcp://10.43.2.2:6379
REDIS_PORT_26379_TCP=tcp://10.43.2.2:26379
REDIS_PORT_26379_TCP_ADDR=10.43.2.2
REDIS_PORT_26379_TCP_PORT=26379
REDIS_PORT_26379_TCP_PROTO=tcp
REDIS_PORT_6379_TCP=tcp://10.43.2.2:6379
REDIS_PORT_6379_TCP_ADDR=10.43.2.2
REDIS_PORT_6379_TCP_PORT=6379
REDIS_PORT_6379_TCP_PROTO=tcp
REDIS_SERVICE_HOST=10.43.2.2
REDIS_SERVICE_PORT=6379
REDIS_SERVICE_PORT_REDIS=6379
REDIS_SERVICE_PORT_SENTINEL=26379
";
        assert_eq!(text(&pod()), expected);
    }

    #[test]
    fn without_service_links_only_the_api_is_left() {
        let mut pod = pod();
        pod.spec.get_or_insert_default().enable_service_links = Some(false);
        assert_eq!(text(&pod).lines().filter(|line| !line.starts_with("KUBERNETES_")).count(), 0);
    }
}
