//! Names of services: the better known ones that Debian's `/etc/services` has.

/// A transport protocol that has ports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Transport {
    /// Its name (`/etc/protocols`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

const TCP: &[Transport] = &[Transport::Tcp];
const UDP: &[Transport] = &[Transport::Udp];
const BOTH: &[Transport] = &[Transport::Tcp, Transport::Udp];
const STREAMS: &[Transport] = &[Transport::Tcp, Transport::Sctp];

/// Port, protocols, and the name with its aliases.
type Service = (u16, &'static [Transport], &'static str);

/// In the order of ports, no name and no port of a protocol twice.
#[rustfmt::skip]
const SERVICES: &[Service] = &[
    (1, TCP, "tcpmux"),
    (7, BOTH, "echo"),
    (9, BOTH, "discard sink null"),
    (11, TCP, "systat users"),
    (13, BOTH, "daytime"),
    (15, TCP, "netstat"),
    (17, TCP, "qotd quote"),
    (19, BOTH, "chargen ttytst source"),
    (20, TCP, "ftp-data"),
    (21, TCP, "ftp"),
    (21, UDP, "fsp fspd"),
    (22, TCP, "ssh"),
    (23, TCP, "telnet"),
    (25, TCP, "smtp mail"),
    (37, BOTH, "time timserver"),
    (43, TCP, "whois nicname"),
    (49, BOTH, "tacacs"),
    (53, BOTH, "domain"),
    (67, UDP, "bootps"),
    (68, UDP, "bootpc"),
    (69, UDP, "tftp"),
    (70, TCP, "gopher"),
    (79, TCP, "finger"),
    (80, TCP, "http www"),
    (88, BOTH, "kerberos kerberos5 krb5 kerberos-sec"),
    (102, TCP, "iso-tsap tsap"),
    (104, TCP, "acr-nema dicom"),
    (110, TCP, "pop3 pop-3"),
    (111, BOTH, "sunrpc portmapper"),
    (113, TCP, "auth authentication tap ident"),
    (119, TCP, "nntp readnews untp"),
    (123, UDP, "ntp"),
    (135, TCP, "epmap loc-srv"),
    (137, UDP, "netbios-ns"),
    (138, UDP, "netbios-dgm"),
    (139, TCP, "netbios-ssn"),
    (143, TCP, "imap2 imap"),
    (161, BOTH, "snmp"),
    (162, BOTH, "snmp-trap snmptrap"),
    (177, UDP, "xdmcp"),
    (179, TCP, "bgp"),
    (199, TCP, "smux"),
    (389, BOTH, "ldap"),
    (427, BOTH, "svrloc"),
    (443, BOTH, "https"),
    (445, TCP, "microsoft-ds"),
    (464, BOTH, "kpasswd"),
    (465, TCP, "submissions ssmtp smtps urd"),
    (500, UDP, "isakmp"),
    (512, TCP, "exec"),
    (512, UDP, "biff comsat"),
    (513, TCP, "login"),
    (513, UDP, "who whod"),
    (514, TCP, "shell cmd syslog"),
    (514, UDP, "syslog"),
    (515, TCP, "printer spooler"),
    (517, UDP, "talk"),
    (518, UDP, "ntalk"),
    (520, UDP, "route router routed"),
    (554, BOTH, "rtsp"),
    (587, TCP, "submission"),
    (631, TCP, "ipp"),
    (636, BOTH, "ldaps"),
    (646, BOTH, "ldp"),
    (749, TCP, "kerberos-adm"),
    (783, TCP, "spamd"),
    (853, BOTH, "domain-s"),
    (873, TCP, "rsync"),
    (989, TCP, "ftps-data"),
    (990, TCP, "ftps"),
    (992, TCP, "telnets"),
    (993, TCP, "imaps"),
    (995, TCP, "pop3s"),
    (1080, TCP, "socks"),
    (1194, BOTH, "openvpn"),
    (1433, TCP, "ms-sql-s"),
    (1434, UDP, "ms-sql-m"),
    (1524, TCP, "ingreslock"),
    (1701, UDP, "l2f l2tp"),
    (1812, BOTH, "radius"),
    (1813, BOTH, "radius-acct radacct"),
    (2049, BOTH, "nfs"),
    (2628, TCP, "dict"),
    (3130, UDP, "icpv2 icp"),
    (3260, TCP, "iscsi-target"),
    (3306, TCP, "mysql"),
    (3389, TCP, "ms-wbt-server"),
    (3493, BOTH, "nut"),
    (3632, TCP, "distcc"),
    (3689, TCP, "daap"),
    (3690, TCP, "svn subversion"),
    (4369, TCP, "epmd"),
    (4500, UDP, "ipsec-nat-t"),
    (4569, UDP, "iax"),
    (4691, TCP, "mtn"),
    (4949, TCP, "munin lrrd"),
    (5060, BOTH, "sip"),
    (5061, BOTH, "sip-tls"),
    (5222, TCP, "xmpp-client jabber-client"),
    (5269, TCP, "xmpp-server jabber-server"),
    (5308, TCP, "cfengine"),
    (5353, UDP, "mdns"),
    (5432, TCP, "postgresql postgres"),
    (5667, TCP, "nsca"),
    (5671, TCP, "amqps"),
    (5672, STREAMS, "amqp"),
    (6000, TCP, "x11 x11-0"),
    (6001, TCP, "x11-1"),
    (6346, BOTH, "gnutella-svc"),
    (6379, TCP, "redis"),
    (7000, UDP, "afs3-fileserver"),
    (8080, TCP, "http-alt webcache"),
    (8140, TCP, "puppet"),
    (9101, TCP, "bacula-dir"),
    (9102, TCP, "bacula-fd"),
    (9103, TCP, "bacula-sd"),
    (9418, TCP, "git"),
    (10000, TCP, "webmin"),
    (10050, TCP, "zabbix-agent"),
    (10051, TCP, "zabbix-trapper"),
    (10809, TCP, "nbd"),
    (11371, TCP, "hkp"),
];

/// The name of the service at `port` (`getservbyport(3)`).
pub fn name(port: u16, transport: Transport) -> Option<&'static str> {
    let found = SERVICES.iter().find(|(p, on, _)| *p == port && on.contains(&transport))?;
    found.2.split(' ').next()
}

/// The port of the service called `name` (`getservbyname(3)`).
pub fn port(name: &str, transport: Transport) -> Option<u16> {
    let called = |names: &str| names.split(' ').any(|n| n == name);
    let found = SERVICES.iter().find(|(_, on, names)| on.contains(&transport) && called(names))?;
    Some(found.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_means_what_its_protocol_means_by_it() {
        assert_eq!(name(80, Transport::Tcp), Some("http"));
        assert_eq!(name(80, Transport::Udp), None);
        assert_eq!(name(21, Transport::Udp), Some("fsp"));
        assert_eq!(port("www", Transport::Tcp), Some(80));
        assert_eq!(port("http", Transport::Udp), None);
    }

    #[test]
    fn the_table_is_in_the_order_of_ports() {
        assert!(SERVICES.is_sorted_by_key(|(port, ..)| *port));
    }
}
