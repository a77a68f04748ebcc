//! The fields of a slab object: engine objects in a row, named after the object that they are part of.
//!
//! Every kind of field is made through this, so it lies below them all.

use crate::engine::Object;
use crate::event::{ObjectId, ObjectInfo};

/// Where the fields of a slab object are made, or found again.
pub struct Layout {
    block: Object,
    fields: u32,
    new: bool,
}

impl Layout {
    /// Makes the fields of a new object.
    pub(super) fn first(block: Object) -> Layout {
        Layout { block, fields: 0, new: true }
    }

    /// Finds the fields of an object again.
    pub(super) fn again(block: Object) -> Layout {
        Layout { block, fields: 0, new: false }
    }

    /// The next field.
    pub fn field(&mut self, info: ObjectInfo) -> Object {
        self.fields += 1;
        let id = ObjectId(self.block.id.0 + self.fields);
        if self.new {
            let made = Object::new(ObjectInfo { block: Some(self.block.id), ..info }, 0);
            debug_assert_eq!(made.id, id, "the fields of a slab object are named in a row");
        }
        self.block.named(id)
    }
}
