//! Causes: why an operation failed, where its errno stands for many reasons.

named_ids! {
    /// Why an operation failed.
    pub enum Cause {
        GrantsRefused = 1, "grants_refused", "Xen refused at least one grant reference: its grant status says why";
    }
}
