//! Files that topologies name, with settings of network plugins and of kube-proxy.

use std::path::Path;

use sim_kube::proxy::config::Config;
use sim_kube::reading::Mistake;
use sim_kube::topology::Topology;

/// Topologies that name the file.
const NAMING: [&str; 4] = [
    "plugin = 'bridge'\nconflist = 'file'",
    "plugin = 'ptp'\nconflist = 'file'",
    "plugin = 'flannel'\nnet-conf = 'file'",
    "plugin = 'flannel'\ncni-conf = 'file'",
];
/// What each of them has besides.
const BEFORE: &str = "\
network = [{ name = 'lan', subnets = ['10.0.0.0/24'] }]
node = [{ name = 'n', interface = [{ network = 'lan', address = '10.0.0.1' }] }]
[cluster.cni]
";

/// Reads a text as each kind of such files.
///
/// # Panics
/// If a mistake is at no place of the text.
pub fn settings(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for naming in NAMING {
        let topology = format!("{BEFORE}{naming}");
        let read = Topology::load(Path::new("any"), &topology, &mut |_| Ok(text.to_string()));
        for found in read.err().unwrap_or_default() {
            assert_eq!((found.path.as_path(), &*found.text), (Path::new("file"), &*text));
            check(&text, &found.mistake);
        }
    }
    for mistake in Config::read(&text).err().unwrap_or_default() {
        check(&text, &mistake);
    }
}

fn check(text: &str, mistake: &Mistake) {
    assert!(text.get(mistake.span.clone()).is_some(), "{mistake:?}");
}
