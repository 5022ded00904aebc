//! A journal of `/run/grantscope`: what of it would be followed as root.

use grantscope_generator::peer::xenstore;
use grantscope_generator::uapi::{fault_injection, gntalloc};
use grantscope_generator::undo::Journal;
use serde_json::Value;

/// Where a balloon's target is (drivers/xen/xen-balloon.c, v6.12).
const BALLOON: &str = "/sys/devices/system/xen_memory/xen_memory0/target_kb";

pub fn run(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    match Journal::parse(text) {
        Ok(journal) => {
            assert_followed(&serde_json::to_value(&journal).expect("it was JSON"));
            "followed".to_owned()
        }
        Err(error) => error,
    }
}

/// Panics where a record is followed that names another file, or other nodes, than a run changes.
fn assert_followed(journal: &Value) {
    for record in journal["changed"].as_array().into_iter().flatten() {
        let path = record["path"].as_str().or(record["target"]["path"].as_str()).unwrap_or_default();
        let is_known = match record["kind"].as_str() {
            Some("value" | "balloon") => {
                fault_injection::FILES.contains(&path)
                    || [gntalloc::LIMIT, fault_injection::CONSOLE_LEVEL, BALLOON].contains(&path)
            }
            Some("nodes") => is_published(path),
            Some("truth_file") => {
                path.starts_with('/') && record["temporary"].as_str().is_some_and(|file| file.starts_with(path))
            }
            _ => false,
        };
        assert!(is_known, "a record is followed that no run makes: {record}");
    }
}

/// Whether a frontend publishes there.
fn is_published(path: &str) -> bool {
    let mut domains = path.split('/').filter_map(|part| part.parse().ok());
    let path_of = domains.next().zip(domains.next()).map(|(frontend, backend)| xenstore::path(frontend, backend));
    path_of.as_deref() == Some(path)
}
