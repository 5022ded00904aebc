//! `/dev/xen/evtchn`: event channels, by which domains wake each other.

use super::{NONE, ioc};

/// The device node; root only by default.
pub const PATH: &str = "/dev/xen/evtchn";

/// A number of an event channel, in the domain that it belongs to.
pub type Port = u32;

/// `IOCTL_EVTCHN_BIND_INTERDOMAIN`.
pub const BIND_INTERDOMAIN: u64 = 0x84501;
/// `IOCTL_EVTCHN_BIND_UNBOUND_PORT`.
pub const BIND_UNBOUND_PORT: u64 = 0x44502;
/// `IOCTL_EVTCHN_NOTIFY`.
pub const NOTIFY: u64 = 0x44504;

/// `struct ioctl_evtchn_bind_interdomain`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BindInterdomain {
    /// In: whose.
    pub remote_domain: u32,
    /// In: its port, which it has bound for this domain.
    pub remote_port: Port,
}

/// `struct ioctl_evtchn_bind_unbound_port`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BindUnboundPort {
    /// In: who may bind to it.
    pub remote_domain: u32,
}

/// `struct ioctl_evtchn_notify`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Notify {
    /// In: this domain's own port.
    pub port: Port,
}

const _: () = {
    assert!(BIND_INTERDOMAIN == ioc(NONE, b'E', 1, size_of::<BindInterdomain>()));
    assert!(BIND_UNBOUND_PORT == ioc(NONE, b'E', 2, size_of::<BindUnboundPort>()));
    assert!(NOTIFY == ioc(NONE, b'E', 4, size_of::<Notify>()));
};

nix::ioctl_readwrite_bad!(
    /// [`BIND_INTERDOMAIN`]; gives this domain's own port.
    bind_interdomain, BIND_INTERDOMAIN, BindInterdomain);
nix::ioctl_readwrite_bad!(
    /// [`BIND_UNBOUND_PORT`]; gives the port.
    bind_unbound_port, BIND_UNBOUND_PORT, BindUnboundPort);
nix::ioctl_readwrite_bad!(
    /// [`NOTIFY`].
    notify, NOTIFY, Notify);
