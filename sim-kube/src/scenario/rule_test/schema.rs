//! The fields of a test of rules.

use ipnet::Ipv4Net;
use sim_core::link::DevName;

use super::super::packet::Packet;
use super::super::schema::{expect, names, one_called, one_of, own_text, time};
use super::{Interface, Route, Row, RuleTest};
use crate::host::IptablesBackend;
use crate::reading::{Fields, Mistakes, Placed};

/// What may become of a packet; `accepted` is both `delivered` and `sent`.
const VERDICTS: [&str; 5] = ["accepted", "delivered", "sent", "rejected", "dropped"];
const BACKENDS: [(&str, IptablesBackend); 2] =
    [("nft", IptablesBackend::Nft), ("legacy", IptablesBackend::Legacy)];
/// Routers are what most rules are for.
const SYSCTLS: &[(&str, &str)] = &[("net.ipv4.ip_forward", "1")];

/// Reads the root of the file.
pub(super) fn rule_test(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> RuleTest {
    let (name, description) = names(fields, mistakes);
    let words = BACKENDS.map(|(word, _)| word);
    let backend = one_of(fields, "backend", &words, mistakes);
    let backend =
        BACKENDS.iter().find(|(word, _)| backend.as_ref().is_some_and(|b| b.value == *word));
    fields.demand_some("rules", "\"firewall.rules\"", mistakes);
    let rules = fields.one_or_more_texts("rules", mistakes);
    let rules = rules.iter().map(Placed::owned).collect();
    let example = "[{ name = \"eth0\", addresses = [\"192.0.2.1/24\"] }]";
    fields.demand_some("interface", example, mistakes);
    let interfaces = fields.tables("interface", "an interface", mistakes);
    let interfaces: Vec<Interface> =
        interfaces.into_iter().filter_map(|fields| interface(fields, mistakes)).collect();
    let routes = fields.tables("route", "a route", mistakes);
    let routes = routes.into_iter().filter_map(|f| route(f, &interfaces, mistakes)).collect();
    let given = fields.own_texts("sysctl", "what is set under /proc/sys", mistakes);
    let usual = SYSCTLS.iter().map(|(name, value)| (*name, Placed { value: *value, span: 0..0 }));
    let sysctls =
        usual.chain(given).map(|(name, value)| (name.to_owned(), value.owned())).collect();
    let example = "[{ send = \"tcp 198.51.100.7:4000 > 192.0.2.1:22\", in = \"eth0\", verdict = \"accepted\" }]";
    fields.demand_some("packet", example, mistakes);
    let packets = fields.tables("packet", "a packet", mistakes);
    let packets = packets.into_iter().filter_map(|f| row(f, &interfaces, mistakes)).collect();
    let backend = backend.map(|(_, backend)| *backend).unwrap_or_default();
    RuleTest { name, description, backend, rules, interfaces, routes, sysctls, packets }
}

fn interface(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Interface> {
    fields.demand("name", "\"eth0\"", mistakes);
    let name = fields.parsed::<DevName>("name", "the name of a device such as eth0", mistakes);
    let form = "an address with its range such as 192.0.2.1/24";
    let addresses = fields.all_parsed::<Ipv4Net>("addresses", form, mistakes);
    let span = fields.span();
    fields.finish(mistakes);
    let addresses = addresses.into_iter().map(|address| address.value).collect();
    Some(Interface { name: name?.value, addresses, span })
}

fn route(
    mut fields: Fields<'_, '_>,
    interfaces: &[Interface],
    mistakes: &mut Mistakes,
) -> Option<Route> {
    fields.demand("to", "\"10.0.0.0/8\"", mistakes);
    let form = "a range of addresses such as 10.0.0.0/8, or `default`";
    let to = fields.parsed::<RouteTo>("to", form, mistakes);
    let via =
        fields.parsed::<std::net::Ipv4Addr>("via", "an address such as 192.0.2.254", mistakes);
    let dev = known(&mut fields, "dev", interfaces, mistakes);
    let span = fields.span();
    fields.finish(mistakes);
    if via.is_none() && dev.is_none() {
        mistakes.add_with(span, "the route leads nowhere", "it wants `via`, or `dev`, or both");
        return None;
    }
    let via = via.map(|via| Placed { value: via.value.to_string(), span: via.span });
    Some(Route { to: to?.value.0, via, dev, span })
}

/// A range, or `default`.
struct RouteTo(Ipv4Net);

impl std::str::FromStr for RouteTo {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "default" { Ok(Self(Ipv4Net::default())) } else { text.parse().map(Self) }
    }
}

/// The name of an interface that there is.
fn known(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    interfaces: &[Interface],
    mistakes: &mut Mistakes,
) -> Option<Placed<String>> {
    let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    one_called(fields, key, "interface", &names, mistakes)
}

fn row(
    mut fields: Fields<'_, '_>,
    interfaces: &[Interface],
    mistakes: &mut Mistakes,
) -> Option<Row> {
    let name = own_text(&mut fields, "name", mistakes).map_or_else(String::new, |name| name.value);
    fields.demand("send", "\"tcp 198.51.100.7:4000 > 192.0.2.1:22\"", mistakes);
    let form = "a packet such as `tcp 198.51.100.7:4000 > 192.0.2.1:22`";
    let packet = fields.parsed::<Packet>("send", form, mistakes);
    let from = known(&mut fields, "in", interfaces, mistakes);
    let after = fields.text("after", mistakes).and_then(|text| time(&text, mistakes));
    let expect = super::super::ExpectWalk {
        verdict: one_of(&mut fields, "verdict", &VERDICTS, mistakes),
        ..expect::judged(&mut fields, mistakes)
    };
    let row = Row {
        name,
        from,
        packet: packet?.value,
        after: after.unwrap_or_default(),
        expect,
        out: known(&mut fields, "out", interfaces, mistakes),
        answer: one_of(&mut fields, "answer", &VERDICTS, mistakes),
        span: fields.span(),
    };
    fields.finish(mistakes);
    Some(row)
}
