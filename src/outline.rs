//! Outlines, diagrams and lockdep boxes as kernel developers write them, checked.
//!
//! A kernel developer who is about to change a lock has the input already: the call outline of a mail, the columns of a commit message,
//! the box that lockdep printed. This module reads them as they are. What it cannot know it assumes, and says so by name.
//!
//! ```text
//! bytes -> source -> parse (tree, mistakes) -> scope -> walk: every path, findings with two places
//!                                                   └-> lower -> machine -> search: every order, findings with a schedule
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`source`], [`words`], [`verbs`], [`claims`], [`statement`], [`expr`] | lines without leaders; what a line says |
//! | [`tree`], [`parse`], `reader`, `heads`, [`declare`], [`facts`], `diagram`, `splat`, `told`, `sections`, `steps`, `chains`, `order` | what a text holds |
//! | [`vocabulary`], [`catalogue`], [`pointers`], [`scope`], [`values`] | what names mean, and what those that nobody declares may be |
//! | [`walk`] | the static walk of every path, and the graph of lock orders |
//! | [`lower`], [`machine`], [`search`], [`drawn`], [`schedule`] | programs of outlines, every order of their steps, a diagram as drawn |
//! | [`mod@print`], [`notation`], [`again`] | a tree as an outline again; a schedule as an outline, a diagram or a box; which of them is read back |
//! | [`plan`] | the programs of a file for other engines ([`crate::outlined`]) |
//! | [`roles`], `runners` | what runs a function; what runs together |
//! | [`check`], [`convert`], [`claimed`], [`finding`], `graded`, [`diagnostic`], [`page`] | the verdict, how sure it is, and how it reads |
//!
//! Limits: memory is sequentially consistent, and every task has a CPU of its own. A handler runs once, on top of a task or on an idle
//! CPU. Works, timers and threads run once for each time that they are started. What a figure only tells in words is not run.

mod addresses;
pub mod again;
mod behind;
pub mod catalogue;
mod cells;
mod chains;
pub mod check;
pub mod claimed;
pub mod claims;
pub mod convert;
pub mod declare;
pub mod diagnostic;
mod diagram;
pub mod drawn;
pub mod expr;
pub mod facts;
pub mod finding;
mod follow;
mod graded;
mod handed;
mod heads;
mod implied;
mod lists;
mod livelock;
pub mod lower;
pub mod machine;
mod margin;
pub mod notation;
mod order;
mod ordered;
pub mod page;
pub mod parse;
pub mod plan;
pub mod pointers;
pub mod print;
mod reader;
pub mod roles;
mod runners;
pub mod schedule;
pub mod scope;
pub mod search;
mod sections;
pub mod source;
mod splat;
pub mod statement;
mod steps;
mod told;
pub mod tree;
mod turned;
pub mod values;
pub mod verbs;
pub mod vocabulary;
pub mod walk;
mod watched;
pub mod words;
