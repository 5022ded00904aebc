//! Xen's grant statuses.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// In place of the grant status of references whose status could not be read: Xen has none above 0.
pub const UNREAD: i16 = 1;

/// In place of statuses of which there are more in a series than are told apart: Xen has none above 0.
pub const OTHERS: i16 = 2;

/// As many are told apart in a series: more than Xen has.
pub const MOST_STATUSES: usize = 24;

/// Xen's statuses: the number, the name behind `GNTST_`, and what it means. Source: Xen 4.17, xen/include/public/grant_table.h.
pub const STATUSES: [(i16, &str, &str); 14] = [
    (0, "okay", "done"),
    (-1, "general_error", "an error without a status of its own"),
    (-2, "bad_domain", "unrecognised domain id"),
    (-3, "bad_gntref", "unrecognised or inappropriate grant reference"),
    (-4, "bad_handle", "unrecognised or inappropriate handle"),
    (-5, "bad_virt_addr", "inappropriate virtual address to map"),
    (-6, "bad_dev_addr", "inappropriate device address to unmap"),
    (-7, "no_device_space", "out of space in the I/O MMU"),
    (-8, "permission_denied", "not enough privilege for the operation"),
    (-9, "bad_page", "the page is invalid for the operation"),
    (-10, "bad_copy_arg", "the arguments of a copy cross a page boundary"),
    (-11, "address_too_big", "the address of the page to transfer is too large"),
    (-12, "eagain", "not done: try again"),
    (-13, "no_space", "out of space (handles and the like)"),
];

/// The name of a grant status.
pub fn status_name(status: i16) -> Cow<'static, str> {
    if status == UNREAD {
        return "unread".into();
    }
    if status == OTHERS {
        return "others".into();
    }
    let known = STATUSES.iter().find(|(number, ..)| *number == status);
    known.map_or_else(|| format!("status_{status}").into(), |&(_, name, _)| name.into())
}

/// The grant status of that name; `None`: it is none's.
pub fn status_named(name: &str) -> Option<i16> {
    let known = STATUSES.iter().map(|&(number, ..)| number).chain([UNREAD, OTHERS]).find(|&number| status_name(number) == name);
    known.or_else(|| name.strip_prefix("status_")?.parse().ok())
}

/// Grant references by the status that Xen refused them with.
pub type Statuses = BTreeMap<i16, u64>;

/// Statuses as a list: the name, and how many references.
pub fn status_list(statuses: &Statuses, between: &str, separator: &str) -> String {
    let each = statuses.iter().rev().map(|(&status, references)| format!("{}{between}{references}", status_name(status)));
    each.collect::<Vec<_>>().join(separator)
}
