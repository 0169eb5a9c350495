//! Addresses with a port that may be left out (`AppendPortIfNeeded()`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use serde::{Deserialize as _, Deserializer, de};

/// The port at which a kube-proxy is asked how it is.
const HEALTHZ_PORT: u16 = 10_256;
/// Where it is asked if nothing else is said.
pub(super) const DEFAULT_HEALTHZ: SocketAddrV4 =
    SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, HEALTHZ_PORT);

/// Reads `healthzBindAddress`.
pub(super) fn read_healthz<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SocketAddrV4, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    if text.is_empty() {
        return Ok(DEFAULT_HEALTHZ);
    }
    let bare: Option<IpAddr> = text.parse().ok();
    let at = bare.map(|ip| SocketAddr::new(ip, HEALTHZ_PORT)).or_else(|| text.parse().ok());
    match at {
        Some(SocketAddr::V4(at)) => Ok(at),
        // That takes clients of IPv4, too.
        Some(SocketAddr::V6(at)) if at.ip().is_unspecified() => {
            Ok(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, at.port()))
        }
        Some(SocketAddr::V6(_)) => {
            Err(de::Error::custom(format!("healthzBindAddress: {text}: IPv6 is not modelled")))
        }
        None => Err(de::Error::custom(format!("healthzBindAddress: {text}: must be IP:port"))),
    }
}
