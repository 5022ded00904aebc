//! The programs of a function that is a stage from its entry to its return, and nothing more.

/// Declares them: the function, its two programs, the hook, the stage.
macro_rules! stage_hooks {
    ($($(#[$about:meta])* $function:literal, $entry:ident, $exit:ident, $hook:ident, $stage:ident;)+) => {
        $(
            $(#[$about])*
            #[::aya_ebpf::macros::fentry(function = $function)]
            fn $entry(_ctx: ::aya_ebpf::programs::FEntryContext) -> i32 {
                $crate::task::enter(::grantscope_wire::HookId::$hook, ::grantscope_wire::Stage::$stage);
                0
            }

            #[::aya_ebpf::macros::fexit(function = $function)]
            fn $exit(_ctx: ::aya_ebpf::programs::FExitContext) -> i32 {
                $crate::task::leave(::grantscope_wire::HookId::$hook);
                0
            }
        )+
    };
}
