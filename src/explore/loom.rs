//! loom (placeholder during construction).
use super::{Config, EngineKind, Subject, Verdict};
use std::sync::Arc;
/// x
pub fn explore(_subject: &Arc<dyn Subject>, _config: &Config) -> Verdict {
    Verdict::new(EngineKind::Loom)
}
