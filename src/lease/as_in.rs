//! The calls in which a design does what another does: `as_in!(base: open fput)` makes them those of the field `base`.

macro_rules! as_in {
    ($base:ident:) => {};
    ($base:ident: open $($rest:tt)*) => {
        fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
            self.$base.open(current, inode, flags)
        }
        as_in!($base: $($rest)*);
    };
    ($base:ident: fput $($rest:tt)*) => {
        fn fput(&self, current: &Task, filp: Filp) {
            self.$base.fput(current, filp);
        }
        as_in!($base: $($rest)*);
    };
    ($base:ident: truncate $($rest:tt)*) => {
        fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
            self.$base.truncate(current, inode)
        }
        as_in!($base: $($rest)*);
    };
    ($base:ident: fcntl_getlease $($rest:tt)*) => {
        fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32 {
            self.$base.fcntl_getlease(current, filp)
        }
        as_in!($base: $($rest)*);
    };
    ($base:ident: break_lease $($rest:tt)*) => {
        fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
            self.$base.break_lease(current, inode, flags)
        }
        as_in!($base: $($rest)*);
    };
    ($base:ident: locks_remove_flock $($rest:tt)*) => {
        fn locks_remove_flock(&self, current: &Task, filp: Filp) {
            self.$base.locks_remove_flock(current, filp);
        }
        as_in!($base: $($rest)*);
    };
    ($base:ident: proc_locks $($rest:tt)*) => {
        fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
            self.$base.proc_locks(current, inode)
        }
        as_in!($base: $($rest)*);
    };
}

pub(super) use as_in;
