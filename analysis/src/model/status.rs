//! Xen's grant statuses.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// In place of the grant status of references whose status could not be read: Xen has none above 0.
pub const UNREAD: i16 = 1;

/// The name of a grant status, as Xen's public header has it behind `GNTST_`. Source: Xen 4.17, xen/include/public/grant_table.h.
pub fn status_name(status: i16) -> Cow<'static, str> {
    Cow::Borrowed(match status {
        UNREAD => "unread",
        0 => "okay",
        -1 => "general_error",
        -2 => "bad_domain",
        -3 => "bad_gntref",
        -4 => "bad_handle",
        -5 => "bad_virt_addr",
        -6 => "bad_dev_addr",
        -7 => "no_device_space",
        -8 => "permission_denied",
        -9 => "bad_page",
        -10 => "bad_copy_arg",
        -11 => "address_too_big",
        -12 => "eagain",
        -13 => "no_space",
        -14 => "retry",
        other => return format!("status_{other}").into(),
    })
}

/// Grant references by the status that Xen refused them with.
pub type Statuses = BTreeMap<i16, u64>;

/// Statuses as a list: the name, and how many references.
pub fn status_list(statuses: &Statuses, between: &str, separator: &str) -> String {
    let each = statuses.iter().rev().map(|(&status, references)| format!("{}{between}{references}", status_name(status)));
    each.collect::<Vec<_>>().join(separator)
}
