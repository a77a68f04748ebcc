//! Steps of figures that are nothing but a path.

use super::source::Source;
use super::statement::{Stmt, access};
use super::tree::{Column, Node};
use super::vocabulary::{self, Word};

/// In a figure `p->x` alone looks behind `p`, where that may be gone: below a line that frees. With parentheses behind it, it is a call.
pub(super) fn read(source: &Source, columns: &mut [Column]) {
    let mut freed = u32::MAX;
    for node in columns.iter().flat_map(|column| &column.body) {
        node.each(&mut |node| {
            if matches!(&node.stmt, Stmt::Call { name, .. } if vocabulary::word(name) == Some(Word::Free)) {
                freed = freed.min(node.place.line);
            }
        });
    }
    for node in columns.iter_mut().flat_map(|column| &mut column.body) {
        look_behind(source, freed, node);
    }
}

fn look_behind(source: &Source, freed: u32, node: &mut Node) {
    if let Stmt::Call { name, args, result: None } = &node.stmt
        && node.place.line > freed
        && args.is_empty()
        && name.contains("->")
        && !source.text_at(node.place).contains('(')
    {
        node.stmt = access::looked_at(name);
    }
    node.children.iter_mut().for_each(|child| look_behind(source, freed, child));
}
