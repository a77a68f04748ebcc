//! The validator: recorded cases, families of the kernel's self-test, one case and its twin per finding, brute force.

mod families;
mod findings;
mod further;
mod library;
mod listed;
mod no_less;
mod oracle;
mod product;
mod property;
mod recorded;
mod script;
mod transactions;
mod ww;
