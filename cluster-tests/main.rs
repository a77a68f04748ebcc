//! Tests of explorations by several processes: `cargo test --features cluster --test cluster`.

mod agreement;
