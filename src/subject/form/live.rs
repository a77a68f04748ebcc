//! Which locals of a task still matter where: a local that no later instruction reads could only tell equal states apart.

use super::{Code, Inst, Local};

impl Code {
    /// The instructions that may come next; one past the last is the end.
    pub(crate) fn successors(&self, at: usize) -> Vec<usize> {
        match self.insts[at] {
            Inst::Jump(label) => vec![self.target(label)],
            Inst::Branch(_, _, label) => vec![at + 1, self.target(label)],
            _ => vec![at + 1],
        }
    }

    /// For each instruction and the end, which locals are read from there on before they are set.
    pub(crate) fn live(&self) -> Vec<Vec<bool>> {
        let told: Vec<bool> = self.locals.iter().map(|local| local.told).collect();
        let mut live = vec![told; self.insts.len() + 1];
        loop {
            let mut changed = false;
            for at in (0..self.insts.len()).rev() {
                let mut here = vec![false; self.locals.len()];
                for next in self.successors(at) {
                    here.iter_mut().zip(&live[next]).for_each(|(here, later)| *here |= later);
                }
                for (local, here) in here.iter_mut().enumerate() {
                    *here = self.reads(at, local) || self.locals[local].told || *here && !self.sets(at, local);
                }
                changed |= live[at] != here;
                live[at] = here;
            }
            if !changed {
                return live;
            }
        }
    }

    /// Is there a loop without a step? It would never end.
    pub(crate) fn has_quiet_loop(&self) -> bool {
        // Quiet instructions that lead to quiet ones only, removed from the end on, must all be gone.
        let mut open: Vec<usize> = (0..self.insts.len()).filter(|&at| !self.insts[at].is_visible()).collect();
        loop {
            let before = open.len();
            let still = open.clone();
            open.retain(|&at| self.successors(at).iter().any(|next| still.binary_search(next).is_ok()));
            if open.len() == before {
                return !open.is_empty();
            }
        }
    }

    fn reads(&self, at: usize, local: usize) -> bool {
        let inst = self.insts[at];
        let by_depth = matches!(inst, Inst::MightSleep(_) | Inst::Sleep(..) | Inst::Preempt(_));
        let is = |other: Local| usize::from(other.0) == local;
        inst.reads().into_iter().flatten().any(is) || by_depth && self.preempt.is_some_and(is)
    }

    /// Does the instruction set the local?
    pub(crate) fn sets(&self, at: usize, local: usize) -> bool {
        self.insts[at].sets().is_some_and(|set| usize::from(set.0) == local)
    }
}
