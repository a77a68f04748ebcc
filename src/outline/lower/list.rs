//! Lists, as the kernel has them: rings through their elements, linked in both directions.
//!
//! Each word is the stores that it is in `include/linux/list.h`, so what is not under a lock is a data race, and to unlink beside an element
//! that was freed is a use of it.

use super::object::{Memory, POISON};
use super::*;
use crate::outline::follow::Each;
use crate::outline::machine::Order;
use crate::outline::pointers;

impl<'a> Lower<'_, 'a> {
    /// The element that an argument means, and the member by which it is on the list.
    fn element(&mut self, arg: &str, place: Place) -> Option<(Pure, String)> {
        let path = plain(arg);
        let of_object = path.split_once('.').filter(|(root, _)| self.scope.pointers.value(root).is_some());
        if let Some((root, member)) = pointers::parted(&path).or(of_object)
            && self.scope.pointers.members.contains(member)
        {
            let member = if self.scope.pointers.members.len() > 1 { member.to_owned() } else { "list".to_owned() };
            return Some((self.pointer(root, place)?, member));
        }
        Some((self.pointer(&path, place)?, "list".to_owned()))
    }

    fn head(&self, arg: Option<&String>) -> Option<Pure> {
        let name = plain(arg?);
        self.scope.pointers.list(&name)?;
        self.scope.pointers.value(&name).map(Pure::Int)
    }

    fn link(&mut self, base: &Pure, field: &str, order: Order, place: Place) -> Pure {
        self.load_field(base.clone(), field, order, place)
    }

    fn set_link(&mut self, base: &Pure, field: &str, value: &Pure, order: Order, place: Place) {
        self.store_field(base.clone(), field, value, order, place);
    }

    /// A word of lists: its result, or nothing if it is none or its list is not known.
    pub(super) fn list_word(&mut self, name: &str, args: &[String], place: Place) -> Option<Pure> {
        let is_rcu = name.ends_with("_rcu");
        let bare = name.trim_end_matches("_rcu").replace("hlist_", "list_").replace("_head", "");
        match bare.as_str() {
            "list_add" | "list_add_tail" => {
                let head = self.head(args.get(1))?;
                let element = self.element(args.first()?, place)?;
                self.add(&element, &head, bare.ends_with("_tail"), is_rcu, place);
                Some(Pure::Int(0))
            }
            "list_del" | "list_del_init" | "list_move" | "list_move_tail" => {
                let element = self.element(args.first()?, place)?;
                self.unlink(&element, place);
                if bare.starts_with("list_move") {
                    let head = self.head(args.get(1))?;
                    self.add(&element, &head, bare.ends_with("_tail"), is_rcu, place);
                } else {
                    let (at, member) = &element;
                    let poison = if bare.ends_with("_init") { at.clone() } else { Pure::Int(POISON) };
                    // A reader that stands on it goes on from there.
                    if !is_rcu {
                        self.set_link(at, &format!("{member}.next"), &poison, Order::Plain, place);
                    }
                    self.set_link(at, &format!("{member}.prev"), &poison, Order::Plain, place);
                }
                Some(Pure::Int(0))
            }
            "list_empty" => {
                let head = self.head(args.first())?;
                let next = self.link(&head, "list.next", Order::Once, place);
                Some(Pure::Binary("==", Box::new(next), Box::new(head)))
            }
            "list_first_entry" | "list_last_entry" | "list_first_entry_or_null" | "list_first_or_null" => {
                let head = self.head(args.first())?;
                let field = if bare.contains("last") { "list.prev" } else { "list.next" };
                let order = if is_rcu { Order::Acquire } else { Order::Plain };
                let found = self.link(&head, field, order, place);
                if bare.ends_with("_null") {
                    let is_element = Pure::Binary("!=", Box::new(found.clone()), Box::new(head));
                    return Some(Pure::Binary("*", Box::new(found), Box::new(is_element)));
                }
                Some(found)
            }
            _ => None,
        }
    }

    fn add(&mut self, (at, member): &(Pure, String), head: &Pure, at_tail: bool, is_rcu: bool, place: Place) {
        let (to, from) = if at_tail { ("prev", "next") } else { ("next", "prev") };
        let other = self.link(head, &format!("list.{to}"), Order::Plain, place);
        let publish = if is_rcu { Order::Release } else { Order::Once };
        self.set_link(at, &format!("{member}.{to}"), &other, Order::Plain, place);
        self.set_link(at, &format!("{member}.{from}"), head, Order::Plain, place);
        let (first, second) = if at_tail { (Order::Plain, publish) } else { (publish, Order::Plain) };
        self.set_link(head, &format!("list.{to}"), at, first, place);
        self.set_link(&other, &format!("list.{from}"), at, second, place);
    }

    fn unlink(&mut self, (at, member): &(Pure, String), place: Place) {
        let next = self.link(at, &format!("{member}.next"), Order::Plain, place);
        let prev = self.link(at, &format!("{member}.prev"), Order::Plain, place);
        self.set_link(&next, "list.prev", &prev, Order::Plain, place);
        self.set_link(&prev, "list.next", &next, Order::Once, place);
    }

    /// The loop over the elements: true if the list is known.
    pub(super) fn list_loop(&mut self, node: &'a Node, each: &Each) -> bool {
        let Some(head) = self.head(Some(&each.list)) else { return false };
        let place = node.place;
        let order = if each.is_rcu { Order::Acquire } else { Order::Plain };
        let (cursor, next) = (self.temp(), self.temp());
        let load = |lower: &mut Self, base: Pure, to: usize| {
            let memory = Memory::Pointed(base, "list.next".to_owned());
            lower.access(&memory, place, &|variable| Op::Load(variable, to, order));
        };
        load(self, head.clone(), next);
        self.come_again();
        let start = self.here();
        self.push(Op::Set(cursor, Pure::Local(next)), place);
        let is_element = Pure::Binary("!=", Box::new(Pure::Local(cursor)), Box::new(head));
        let skip = self.push(Op::Unless(is_element, 0), place);
        if each.is_safe {
            load(self, Pure::Local(cursor), next);
        }
        let settled = self.settled.clone();
        self.store(&each.name, Pure::Local(cursor), place);
        self.inside(&node.children);
        if !each.is_safe {
            load(self, Pure::Local(cursor), next);
        }
        self.settled = settled;
        self.push(Op::Jump(start), place);
        self.land(skip);
        self.leave_loop();
        true
    }
}
