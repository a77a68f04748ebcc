//! What an entry begins with: what its callers hold, as a line, a note or the text itself says.

use super::*;

impl Lower<'_, '_> {
    /// What the callers of an entry hold, and their interrupts: the locks.
    pub(super) fn contract(&mut self, name: &str) -> Vec<usize> {
        let declared = self.scope.contracts.get(name).map(|(facts, place)| (*facts, *place));
        let own = self
            .scope
            .outlined(name)
            .map(|(_, body, facts)| (facts, body.first().map_or(Place::default(), |node| node.place)));
        let mut held = Vec::new();
        for (facts, place) in declared.into_iter().chain(own) {
            for fact in facts {
                match fact {
                    Fact::Holds(lock) => {
                        let lock = self.lock(None, Which::Arg(0), std::slice::from_ref(lock));
                        if !held.contains(&lock) {
                            self.push(Op::Acquire(lock, Mode::Write, None), place);
                            held.push(lock);
                        }
                    }
                    Fact::IrqsOff => _ = self.push(Op::IrqDisable, place),
                    _ => {}
                }
            }
        }
        held
    }
}
