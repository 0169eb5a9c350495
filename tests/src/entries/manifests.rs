//! Manifests.

use sim_kube::api::{ApiServer, Settings};
use sim_kube::manifest::{Reading, Unmodelled};

/// Reads a manifest and applies it.
///
/// # Panics
/// If a mistake is at no place of the text, or something is kept of what is refused.
pub fn manifests(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let manifest = match (Reading { unmodelled: Unmodelled::Skip }).read(&text) {
        Ok(manifest) => manifest,
        Err(mistakes) => {
            let lines = text.split('\n').count();
            let is_inside = |line| (1..=lines.saturating_add(1)).contains(&line);
            assert!(mistakes.0.iter().all(|mistake| is_inside(mistake.place.line)), "{mistakes}");
            assert!(mistakes.0.is_sorted_by_key(|mistake| mistake.place));
            return;
        }
    };
    let mut server = ApiServer::new(Settings::default()).expect("these settings are good");
    let before = server.store().clone();
    match server.apply(&manifest.objects) {
        Ok(applied) => assert_eq!(applied.len(), manifest.objects.len()),
        Err(refusals) => {
            assert!(!refusals.0.is_empty());
            assert_eq!(*server.store(), before, "{refusals}");
        }
    }
}
