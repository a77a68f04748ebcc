//! loom suites: built with `RUSTFLAGS="--cfg loom"` only.
#![cfg(loom)]
