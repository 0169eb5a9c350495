//! Whom packets are sent to, and what is deleted, as files write it.

use std::fmt;
use std::str::FromStr;

use super::super::{Doomed, Target, TargetHost};
use crate::object::{Key, Object};

/// Why a text says nobody, or nothing that can be deleted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// It says nobody.
    #[error("it is an address, a machine, svc/NAME or pod/NAME, and perhaps a port behind `:`")]
    Target,
    /// It says no object.
    #[error("it is KIND/NAME, KIND/NAME.NAMESPACE or a file in YAML or JSON")]
    Doomed,
    /// There is no such kind.
    #[error("there is no kind `{0}`")]
    Kind(String),
}

/// The namespace and name that `NAME` or `NAME.NAMESPACE` says.
pub(in super::super) fn in_namespace(name: &str) -> (String, String) {
    match name.rsplit_once('.') {
        Some((name, namespace)) => (namespace.to_owned(), name.to_owned()),
        None => ("default".to_owned(), name.to_owned()),
    }
}

/// `10.0.0.1`, `node-1:30080`, `svc/web:80`, `svc/web.shop:80`, `pod/client`.
impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| TargetError::Target)?)),
            None => (text, None),
        };
        let host = match host.split_once('/') {
            Some(("svc", name)) if !name.is_empty() => {
                let (namespace, name) = in_namespace(name);
                TargetHost::Service(namespace, name)
            }
            Some(("pod", name)) if !name.is_empty() => {
                let (namespace, name) = in_namespace(name);
                TargetHost::Pod(namespace, name)
            }
            Some(_) => return Err(TargetError::Target),
            None if host.is_empty() => return Err(TargetError::Target),
            None => {
                host.parse().map_or_else(|_| TargetHost::Machine(host.to_owned()), TargetHost::Ip)
            }
        };
        Ok(Self { host, port })
    }
}

/// As it is written; a namespace is always said.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            TargetHost::Ip(ip) => write!(f, "{ip}")?,
            TargetHost::Machine(name) => f.write_str(name)?,
            TargetHost::Service(namespace, name) => write!(f, "svc/{name}.{namespace}")?,
            TargetHost::Pod(namespace, name) => write!(f, "pod/{name}.{namespace}")?,
        }
        self.port.iter().try_for_each(|port| write!(f, ":{port}"))
    }
}

/// The ends of the names of files with manifests.
const MANIFEST_ENDS: [&str; 3] = [".yaml", ".yml", ".json"];

/// `pod/web-1`, `svc/web.shop`, or the name of a file.
impl FromStr for Doomed {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if MANIFEST_ENDS.iter().any(|end| text.ends_with(end)) {
            return Ok(Self::File(text.to_owned()));
        }
        let parts = text.split_once('/').filter(|(_, name)| !name.is_empty());
        let (kind, name) = parts.ok_or(TargetError::Doomed)?;
        let (namespace, name) = in_namespace(name);
        let object = Object::named(kind, Key { namespace, name });
        let object = object.ok_or_else(|| TargetError::Kind(kind.to_owned()))?;
        Ok(Self::Object(Box::new(object)))
    }
}

impl fmt::Display for Doomed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.write_str(file),
            Self::Object(object) => {
                write!(f, "{}/{}", object.kind().to_lowercase(), Key::of(object.metadata()).name)
            }
        }
    }
}
