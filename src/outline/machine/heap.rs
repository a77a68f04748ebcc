//! Objects that are allocated while the program runs, and those that nobody frees.

use super::*;

/// An object that is not allocated yet.
pub(super) const UNBORN: i32 = -1;

/// An object that is allocated while the program runs.
#[derive(Clone, Debug)]
pub struct Heap {
    /// Its number among the objects.
    pub object: usize,
    /// Where it is allocated.
    pub place: Place,
    /// Is it a leak if it is left at the end, and nothing points to it?
    pub is_asked: bool,
}

impl Machine<'_> {
    /// Objects that were allocated, are not freed, and that nothing points to which is left.
    pub fn leaked(&self, state: &State) -> Vec<usize> {
        let program = self.program;
        let is_left = |object: usize| state[self.objects + object] == 0;
        let is_heap = |object: usize| program.heap.iter().any(|heap| heap.object == object);
        let mut seen: Vec<usize> = program.pointees.iter().copied().filter(|object| !is_heap(*object)).collect();
        let mut open: Vec<Option<usize>> = seen.iter().copied().map(Some).chain([None]).collect();
        while let Some(owner) = open.pop() {
            for (at, _) in program.variables.iter().enumerate().filter(|(_, known)| known.owner == owner) {
                let to = usize::try_from(self.variable(state, at) - 1).ok().and_then(|at| program.pointees.get(at));
                if let Some(&object) = to
                    && !seen.contains(&object)
                {
                    seen.push(object);
                    open.push(Some(object));
                }
            }
        }
        let asked = program.heap.iter().filter(|heap| heap.is_asked).map(|heap| heap.object);
        asked.filter(|object| is_left(*object) && !seen.contains(object)).collect()
    }
}
