//! The ledger of live mappings as JSON.

use std::time::Duration;

use grantscope_wire::Buffer;

use crate::live::Ledger;
use crate::model::LiveMap;

/// Every mapping, and the sums. What is not known is `null`.
pub fn json(ledger: &Ledger, now_ns: u64, page_size: u32, leak_after: Duration) -> serde_json::Value {
    let held = ledger.held();
    let maps: Vec<_> = ledger.maps().into_iter().map(|map| map_json(map, now_ns, page_size, leak_after)).collect();
    serde_json::json!({
        "at_ns": ledger.at_ns(),
        "page_size": page_size,
        "mappings": held.map(|held| held.mappings),
        "pages": held.map(|held| held.pages),
        "granted_bytes": held.map(|held| held.granted_bytes()),
        "spanned_bytes": held.map(|held| held.spanned_bytes(page_size)),
        "no_census": ledger.no_census(),
        "maps": maps,
    })
}

fn map_json(map: &LiveMap, now_ns: u64, page_size: u32, leak_after: Duration) -> serde_json::Value {
    let holders: Vec<_> = map
        .holders
        .iter()
        .map(|holder| serde_json::json!({ "pid": holder.tgid, "comm": holder.comm, "by": holder.by.name() }))
        .collect();
    serde_json::json!({
        "owner": map.owner.map(|owner| serde_json::json!({ "pid": owner, "comm": map.comm })),
        "domid": map.domid,
        "buffer": map.buffer.map(Buffer::name),
        "pages": map.pages,
        "granted_bytes": map.granted_bytes(),
        "spanned_bytes": map.spanned_bytes(page_size),
        "age_ns": map.age_ns(now_ns),
        "before_the_tool": map.allocated_ns.is_none(),
        "state": map.state.name(),
        "descriptor_open": map.descriptor_is_open(),
        "holders": holders,
        "leak_suspect": map.suspicion(now_ns, leak_after).map(|suspicion| suspicion.to_string()),
    })
}
