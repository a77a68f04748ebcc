//! A dataflow of one operator in a loop: what workers do together until nothing is left to do, and nothing is under way.
//!
//! The operator holds a capability while it has something to do. It keeps the first that it gets, however much later what comes in is, so a
//! run has few different times, and timely has little to tell the others about. A worker is done when its input frontier is empty:
//! then no worker holds a capability, and no parcel is on its way.

use std::cell::Cell;
use std::rc::Rc;

use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::{ConnectLoop, Feedback};
use timely::worker::Worker;

use super::parcel::Parcel;

/// Calls `step` with what has come in until all workers have nothing to do. It says what to send, and whether it has something left to do
/// even if nothing comes. True if the frontier has passed; `gives_up` ends it before, which is a mistake.
pub(super) fn phase(
    worker: &mut Worker,
    gives_up: &Rc<Cell<bool>>,
    mut step: impl FnMut(Vec<Parcel>, &mut Vec<Parcel>) -> bool + 'static,
) -> bool {
    let has_passed = Rc::new(Cell::new(false));
    let passed = Rc::clone(&has_passed);
    worker.dataflow::<u64, _, _>(move |scope| {
        let (handle, loops) = scope.feedback::<Vec<Parcel>>(1);
        let to_its_worker = Exchange::new(|parcel: &Parcel| u64::from(parcel.to));
        let sent = loops.unary_frontier(to_its_worker, "step", move |first, info| {
            let again = scope.activator_for(info.address);
            let mut held = Some(first);
            move |(input, frontier), output| {
                let mut came: Vec<Parcel> = Vec::new();
                input.for_each(|capability, parcels| {
                    came.append(parcels);
                    if held.is_none() {
                        held = capability.retain_least(output.output_index());
                    }
                });
                if let Some(capability) = held.take() {
                    let mut sent = Vec::new();
                    let is_busy = step(came, &mut sent);
                    output.session(&capability).give_iterator(sent.into_iter());
                    if is_busy {
                        again.activate();
                        held = Some(capability);
                    }
                }
                passed.set(held.is_none() && frontier.is_empty());
            }
        });
        sent.connect_loop(handle);
    });
    worker.step_or_park_while(None, || !has_passed.get() && !gives_up.get());
    has_passed.get()
}
