//! What decides the order of steps, and what it sees.

use super::Observer;
use super::fingerprint::Fingerprint;
use super::world::{Transition, World};

/// What a strategy sees at a scheduling point.
pub struct State<'a> {
    /// Every task, every object.
    pub world: &'a World,
    /// What can happen next; never empty.
    pub transitions: &'a [Transition],
    /// Number of steps made.
    pub step: u32,
    /// Did the last step tell the observer something that the steps of others have a part in ([`Observer::is_loud`])?
    pub loud: bool,
    observer: &'a dyn Observer,
    fingerprint: Option<u128>,
}

impl<'a> State<'a> {
    /// A state as an engine shows it.
    pub fn new(
        world: &'a World,
        transitions: &'a [Transition],
        step: u32,
        loud: bool,
        observer: &'a dyn Observer,
    ) -> State<'a> {
        State { world, transitions, step, loud, observer, fingerprint: None }
    }

    /// The state, whose fingerprint has been worked out already.
    pub(crate) fn known_as(self, fingerprint: u128) -> State<'a> {
        State { fingerprint: Some(fingerprint), ..self }
    }

    /// 128 bits that stand for the state: tasks, objects, time and what the observer remembers.
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint.unwrap_or_else(|| fingerprint_of(self.world, self.observer))
    }
}

/// 128 bits that stand for a state: tasks, objects, time and what the observer remembers.
pub fn fingerprint_of(world: &World, observer: &dyn Observer) -> u128 {
    let mut fingerprint = Fingerprint::default();
    world.fingerprint(&mut fingerprint, |task, part: &mut Fingerprint| observer.fingerprint_task(task, part));
    observer.fingerprint(&mut fingerprint);
    fingerprint.finish_128()
}

/// What a strategy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This happens next.
    Take(Transition),
    /// Nothing new can come of this execution.
    Abandon,
}

/// What happens next in a known state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// This.
    pub decision: Decision,
    /// The step was made there before, and judged.
    pub judged: bool,
}

/// Decides the order.
pub trait Strategy {
    /// What happens next in a state that was judged before, without looking at it again: `None` if it is a new one.
    fn follow(&mut self, _world: &World) -> Option<Followed> {
        None
    }
    /// Picks what happens next.
    fn decide(&mut self, state: &State<'_>) -> Decision;
}
