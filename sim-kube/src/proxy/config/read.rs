//! Reads settings.
//!
//! Each field is also read for itself, as if there were no others: that is how all that is wrong is found, and where.

use serde_json::json;

use super::{Config, Mode, Silent};
use crate::manifest::{self, Entry, Node, Place, Value};
use crate::reading::{Mistake, list, suggest};

/// What the settings say that they are.
const IDENTITY: [(&str, &str); 2] =
    [("apiVersion", "kubeproxy.config.k8s.io/v1alpha1"), ("kind", "KubeProxyConfiguration")];

/// The fields that do something; the names of the others are those of [`Silent`].
const FIELDS: [&str; 12] = [
    "apiVersion",
    "kind",
    "mode",
    "hostnameOverride",
    "featureGates",
    "iptables",
    "detectLocalMode",
    "detectLocal",
    "clusterCIDR",
    "nodePortAddresses",
    "healthzBindAddress",
    "conntrack",
];

impl Config {
    /// Reads settings.
    ///
    /// # Errors
    /// All that is wrong: they are not a `KubeProxyConfiguration`, have a field that there is not, or ask for what is not
    /// modelled.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        let document = manifest::document(text)?;
        let mut reader = Reader { text, outer: Vec::new(), mistakes: Vec::new() };
        for identity in IDENTITY {
            reader.identify(&document, identity);
        }
        // What is something else has other fields.
        if reader.mistakes.is_empty() {
            entries(&document).iter().for_each(|entry| reader.check(entry));
        }
        if reader.mistakes.is_empty() {
            match serde_json::from_value(document.to_json()) {
                Ok(config) => return Ok(config),
                Err(error) => reader.wrong(document.place, error.to_string(), None),
            }
        }
        Err(reader.mistakes)
    }

    /// What it asks for that cannot be had.
    fn fault(&self) -> Option<String> {
        let bit = self.iptables.masquerade_bit;
        match self.mode {
            Mode::Iptables if bit > 31 => {
                Some(format!("iptables.masqueradeBit: {bit}: must be within the range [0, 31]"))
            }
            Mode::Iptables => None,
            mode @ (Mode::Ipvs | Mode::Nftables | Mode::Userspace) => {
                Some(format!("kube-proxy's mode {mode:?} is not modelled"))
            }
        }
    }
}

/// Looks for what is wrong with fields.
struct Reader<'n> {
    text: &'n str,
    /// The names of the fields around the one that is looked at.
    outer: Vec<&'n str>,
    mistakes: Vec<Mistake>,
}

impl<'n> Reader<'n> {
    fn wrong(&mut self, place: Place, message: String, help: Option<String>) {
        self.mistakes.push(Mistake { span: place.span(self.text), message, help });
    }

    /// Checks a field by which settings are known.
    fn identify(&mut self, document: &Node, (key, wanted): (&str, &str)) {
        match document.get(key) {
            Some(entry) if entry.node.to_json() == wanted => {}
            Some(entry) => {
                let message = format!("`{key}` is {}, not \"{wanted}\"", entry.node.to_json());
                self.wrong(entry.place(), message, None);
            }
            None => self.wrong(document.place, format!("there is no `{key}: {wanted}`"), None),
        }
    }

    /// Checks a field, and those within it.
    fn check(&mut self, entry: &'n Entry) {
        let alone = json!({ &entry.key: entry.node.to_json() });
        let settings = self.outer.iter().rev().fold(alone, |inner, key| json!({ *key: inner }));
        let message = match serde_json::from_value::<Config>(settings) {
            Ok(config) => config.fault(),
            Err(error) => Some(error.to_string()),
        };
        let Some(message) = message else { return };
        if let Some(names) = known_instead(&entry.key, &message) {
            return self.unknown(entry, &names);
        }
        let before = self.mistakes.len();
        self.outer.push(&entry.key);
        entries(&entry.node).iter().for_each(|inner| self.check(inner));
        self.outer.pop();
        if self.mistakes.len() == before {
            self.wrong(entry.place(), message, None);
        }
    }

    /// Says that there is no such field. At the top `names` has only those that are silent.
    fn unknown(&mut self, entry: &Entry, names: &[&str]) {
        let top: &[&str] = if self.outer.is_empty() { &FIELDS } else { &[] };
        let names = [top, names].concat();
        let help = suggest(&entry.key, &names, || format!("it may have {}", list(&names)));
        let path = [&self.outer[..], &[entry.key.as_str()]].concat().join(".");
        let message = format!("strict decoding error: unknown field \"{path}\"");
        self.wrong(entry.place, message, Some(help));
    }
}

/// What a map has.
fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Null | Value::Scalar(_) | Value::List(_) => &[],
    }
}

/// The names that an error says there are in the place of this one, if it is that there is no such field. What does
/// nothing known is taken for a silent field.
fn known_instead<'e>(key: &str, error: &'e str) -> Option<Vec<&'e str>> {
    let silent = serde_json::from_value::<Silent>(key.into());
    let is_unknown = error.starts_with(&format!("unknown field `{key}`"))
        || silent.is_err_and(|not_silent| not_silent.to_string() == error);
    // Names stand between backquotes, and the first one is the field's own.
    is_unknown.then(|| error.split('`').skip(3).step_by(2).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with these fields of settings, with what stands there.
    fn wrong(fields: &str) -> Vec<(String, String)> {
        let text = format!(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n{fields}"
        );
        let place = |mistake: Mistake| (text[mistake.span].to_owned(), mistake.message);
        Config::read(&text).err().unwrap_or_default().into_iter().map(place).collect()
    }

    fn says(fields: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(wrong(fields), expected, "{fields}");
    }

    #[test]
    fn all_that_is_wrong_is_told_at_its_place() {
        says("mode: \"\"\nwinkernel: {}\nfeatureGates: { A: true }\n", &[]);
        let text = "mode: ipvs
clusterCidr: 10.0.0.0/8
nodePortAddresses: [1]
iptables:
  masqueradeBit: 32
  masqueradeAll: \"yes\"
  syncPeriod: 30s
conntrack:
  udpTimeout: soon
  max: 3
";
        let expected = [
            ("ipvs", "kube-proxy's mode Ipvs is not modelled"),
            ("clusterCidr: 10.0.0.0/8", "strict decoding error: unknown field \"clusterCidr\""),
            ("nodePortAddresses: [1]", "invalid type: integer `1`, expected a string"),
            ("32", "iptables.masqueradeBit: 32: must be within the range [0, 31]"),
            ("\"yes\"", "invalid type: string \"yes\", expected a boolean"),
            ("soon", "time: invalid duration \"soon\""),
            ("max: 3", "strict decoding error: unknown field \"conntrack.max\""),
        ];
        says(text, &expected);
    }

    #[test]
    fn a_field_that_is_there_is_proposed_for_one_that_is_not() {
        for (fields, help) in [
            ("clusterCidr: 10.0.0.0/8", "did you mean `clusterCIDR`?"),
            ("winKernel: {}", "did you mean `winkernel`?"),
            ("conntrack: { maxPerCpu: 1 }", "did you mean `maxPerCore`?"),
        ] {
            let text =
                format!("apiVersion: {}\nkind: {}\n{fields}\n", IDENTITY[0].1, IDENTITY[1].1);
            assert_eq!(Config::read(&text).unwrap_err()[0].help.as_deref(), Some(help));
        }
    }

    #[test]
    fn what_is_something_else_is_not_read_on() {
        let text = "kind: Service\nspec: {}\n";
        let found: Vec<(usize, String)> = Config::read(text)
            .unwrap_err()
            .into_iter()
            .map(|mistake| (mistake.span.start, mistake.message))
            .collect();
        let expected = [
            (0, "there is no `apiVersion: kubeproxy.config.k8s.io/v1alpha1`"),
            (6, "`kind` is \"Service\", not \"KubeProxyConfiguration\""),
        ];
        assert_eq!(found, expected.map(|(at, message)| (at, message.to_owned())));
    }

    #[test]
    fn settings_are_one_document() {
        let other = "this is another document, and only one is read";
        says("---\nmode: iptables\n", &[("mode: iptables", other)]);
        let twice = "strict decoding error: duplicate field \"mode\"";
        says("mode: iptables\nmode: iptables\n", &[("mode: iptables", twice)]);
        let nothing = &Config::read("").unwrap_err()[0];
        assert_eq!(nothing.message, "there is no `apiVersion: kubeproxy.config.k8s.io/v1alpha1`");
    }
}
