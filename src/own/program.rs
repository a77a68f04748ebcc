//! The program that a closure is: one task, from which all others come.

use std::sync::Arc;

use crate::check::Checks;
use crate::check::happens::Happens;
use crate::check::partners::Partners;
use crate::engine::{Booted, Program};
use crate::event::names::Names;
use crate::event::outcome::{Outcome, Remains};
use crate::event::{Births, ObjectKind, Symbol, View};
use crate::own::Shared;
use crate::own::here::{self, Options};
use crate::subject::Subject;

/// The code of a model.
pub type Root = Arc<dyn Fn() + Send + Sync>;

/// A closure as a program.
pub struct Own {
    root: Root,
    births: Births,
    options: Options,
}

impl Own {
    /// The closure is called again for each execution, and does the same each time.
    pub fn new(root: Root) -> Own {
        Own { root, births: Births::new("main"), options: Options::default() }
    }

    /// The same with options.
    pub fn with(self, options: Options) -> Own {
        Own { options, ..self }
    }

    /// Names of all tasks that any execution has had so far.
    pub fn names(&self) -> Names {
        Names { tasks: self.births.names(), born: Some(self.births.clone()), ..Names::default() }
    }
}

impl Own {
    /// The table of its tasks.
    pub fn table(&self) -> &Births {
        &self.births
    }
}

/// The object that all lazy statics are behind: made before the first task, so that its name depends on nobody.
const STATICS: u32 = 3;

/// That object, in the execution of `thread`.
pub fn statics(thread: Shared) -> Shared {
    let id = crate::event::ObjectId::new(crate::event::TaskId::BOOT, STATICS);
    Shared::of(thread.object().named(id))
}

impl Program for Own {
    fn boot(&self) -> Booted {
        let name = Symbol::from("main");
        let thread = Shared::named(ObjectKind::Thread, 2, name);
        Shared::named(ObjectKind::Token, 0, name);
        let all = Shared::named(ObjectKind::Pointer, 0, Symbol::from("lazy statics"));
        debug_assert_eq!(all.object().id.count(), STATICS, "internal error: it is the third object of the set-up");
        here::set_up(self.options, self.births.clone());
        let root = Arc::clone(&self.root);
        let common = here::common();
        let main = move || {
            here::belong(common);
            here::begin(thread.object(), None);
            here::on_its_stack(&mut || {
                root();
                here::end();
                drop(here::take_lazy());
            });
        };
        Booted {
            tasks: vec![Box::new(main)],
            outcome: Box::new(|view| Outcome { state: recorded(view), ..Outcome::default() }),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| ()),
        }
    }

    fn births(&self) -> Option<Births> {
        Some(self.births.clone())
    }
}

fn recorded(view: &dyn View) -> Vec<Remains> {
    view.recorded().into_iter().map(|(name, value)| Remains::word(name, value)).collect()
}

impl Subject for Own {
    fn checks(&self) -> Checks {
        let names = Names { born: Some(self.births.clone()), ..Names::default() };
        Checks::new(names).with(Box::new(Happens::default())).with(Box::new(Partners::default()))
    }
}
