//! The answers, as each version words them.

use k8s_openapi::jiff::fmt::strtime;
use sim_core::time::SimTime;

use super::{Report, ServiceReport};
use crate::http::{Response, Status, time_of_day};
use crate::proxy::version::Version;

/// The moments that answers speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) now: SimTime,
    /// When the kube-proxy started.
    pub(super) started: SimTime,
}

impl Clock {
    /// A moment as Go's `time.Time.String()` writes it: the time of day, and the seconds since the program started,
    /// which count from 1 ns.
    fn long(self, at: SimTime) -> String {
        let since = at.since(self.started).as_nanos() + 1;
        let (seconds, nanos) = (since / 1_000_000_000, since % 1_000_000_000);
        format!("{} m=+{seconds}.{nanos:09}", format(at, "%Y-%m-%d %H:%M:%S%.f +0000 UTC"))
    }
}

/// A moment as JSON has it.
fn short(at: SimTime) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S%.fZ")
}

fn format(at: SimTime, how: &str) -> String {
    strtime::format(how, time_of_day(at)).expect("the formats above are known")
}

/// The answer to a load balancer that asks about a Service.
pub(super) fn service(version: Version, report: &ServiceReport) -> Response {
    let ServiceReport { namespace, name, local_endpoints, port: _ } = report;
    let status = if *local_endpoints == 0 { Status::ServiceUnavailable } else { Status::Ok };
    let mut response = json(status, String::new());
    let healthy = match version {
        Version::V1_20 => "",
        Version::V1_30 | Version::V1_36 => {
            let weight = ("X-Load-Balancing-Endpoint-Weight", local_endpoints.to_string());
            response.fields.push(weight);
            // Rules are written before anyone can ask, so the proxy is never late.
            ",\n\t\"serviceProxyHealthy\": true"
        }
    };
    response.body = format!(
        "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{namespace}\",\n\t\t\"name\": \"{name}\"\n\t}},\n\
         \t\"localEndpoints\": {local_endpoints}{healthy}\n}}"
    );
    response
}

/// The answer to whoever asks how the kube-proxy itself is.
pub(super) fn proxy(version: Version, path: &str, report: &Report, clock: Clock) -> Response {
    let asks_for_node = match (path, version) {
        ("/healthz", Version::V1_20) | ("/livez", Version::V1_30 | Version::V1_36) => false,
        ("/healthz", Version::V1_30 | Version::V1_36) => true,
        _ => return Response::not_found(),
    };
    let is_fine = !asks_for_node || report.is_node_eligible;
    // Who is well was updated just now, whenever that was.
    let (status, updated) = if is_fine {
        (Status::Ok, clock.now)
    } else {
        (Status::ServiceUnavailable, report.last_updated())
    };
    let eligible = report.is_node_eligible;
    let body = match version {
        Version::V1_20 | Version::V1_30 => {
            let eligible = if asks_for_node {
                format!(", \"nodeEligible\": {eligible}")
            } else {
                String::new()
            };
            let (updated, now) = (clock.long(updated), clock.long(clock.now));
            format!("{{\"lastUpdated\": \"{updated}\",\"currentTime\": \"{now}\"{eligible}}}")
        }
        Version::V1_36 => {
            let eligible =
                if asks_for_node { format!("\"nodeEligible\":{eligible},") } else { String::new() };
            let (updated, now) = (short(updated), short(clock.now));
            let last = short(report.last_updated());
            format!(
                "{{\"lastUpdated\":\"{updated}\",\"currentTime\":\"{now}\",{eligible}\"healthy\":true,\
                 \"status\":{{\"IPv4\":{{\"lastUpdated\":\"{last}\",\"healthy\":true}}}}}}"
            )
        }
    };
    json(status, body)
}

fn json(status: Status, body: String) -> Response {
    let fields = vec![
        ("Content-Type", "application/json".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    Response { status, fields, body }
}
