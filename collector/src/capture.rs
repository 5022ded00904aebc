//! Attaching the probes and reading what they write.
