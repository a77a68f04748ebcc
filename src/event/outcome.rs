//! What an execution comes to, as a value: what its calls have returned, and what is left in the end.
//!
//! Outcomes of two programs can be compared, and looked at value by value. Each reads as it is written where it comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Symbol;

/// What an execution comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// What the calls of each task have returned, in the order of tasks. A task that returns nothing may be left out.
    pub results: Vec<Results>,
    /// Values of the final state.
    pub state: Vec<Remains>,
    /// How it reads.
    pub notation: Notation,
}

/// What the calls of a task have returned, or what it has recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Results {
    /// The task.
    pub task: Symbol,
    /// In the order of calls.
    pub results: Vec<i64>,
}

/// A value of the final state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Remains {
    /// What it is.
    pub name: Symbol,
    /// On which node of a cluster.
    pub on: Option<Symbol>,
    /// The value.
    pub value: Value,
}

/// What a value of a final state is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// The value of a variable: `n=2`.
    Word(i64),
    /// How many there are: `opens 2`.
    Count(i64),
    /// What there is: `leases [READ, WRITE]`.
    List(Vec<String>),
}

/// How an outcome reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Notation {
    /// Tasks and values by name: `reader: 0 7, writer: -11; n=2`. A half that is empty is left out.
    #[default]
    Names,
    /// Tasks by their place, values by name: `0 7, -11; n=2`.
    Places,
    /// Values of the final state alone: `2 0`.
    Values,
}

impl Remains {
    /// A variable.
    pub fn word(name: impl Into<Symbol>, value: i64) -> Remains {
        Remains { name: name.into(), on: None, value: Value::Word(value) }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Word(value) | Value::Count(value) => write!(f, "{value}"),
            Value::List(items) => write!(f, "[{}]", items.join(", ")),
        }
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joint = if matches!(self.value, Value::Word(_)) { '=' } else { ' ' };
        write!(f, "{}{joint}{}", self.name, self.value)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.notation == Notation::Values {
            let values: Vec<String> = self.state.iter().map(|remains| remains.value.to_string()).collect();
            return f.write_str(&values.join(" "));
        }
        for (at, task) in self.results.iter().enumerate() {
            f.write_str(if at > 0 { ", " } else { "" })?;
            if self.notation == Notation::Names {
                write!(f, "{}: ", task.task)?;
            }
            let results: Vec<String> = task.results.iter().map(i64::to_string).collect();
            f.write_str(&results.join(" "))?;
        }
        let has_both = !self.results.is_empty() && !self.state.is_empty();
        if has_both || self.notation == Notation::Places {
            f.write_str("; ")?;
        }
        for (at, remains) in self.state.iter().enumerate() {
            let next = self.state.get(at + 1);
            write!(f, "{remains}")?;
            if let Some(node) = remains.on.filter(|_| next.is_none_or(|next| next.on != remains.on)) {
                write!(f, " on {node}")?;
            }
            // A list stands for itself, and so does what is on another node.
            let is_list = |remains: &Remains| matches!(remains.value, Value::List(_));
            let is_apart = |next: &Remains| next.on != remains.on || is_list(remains) || is_list(next);
            f.write_str(next.map_or("", |next| if is_apart(next) { "; " } else { " " }))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(task: &'static str, results: &[i64]) -> Results {
        Results { task: task.into(), results: results.to_vec() }
    }

    fn left(on: Option<&'static str>, leases: &[&str]) -> [Remains; 3] {
        let remains = |name: &'static str, value| Remains { name: name.into(), on: on.map(Symbol::from), value };
        let leases = leases.iter().map(|lease| (*lease).to_owned()).collect();
        [remains("leases", Value::List(leases)), remains("opens", Value::Count(1)), remains("writes", Value::Count(0))]
    }

    #[test]
    fn tasks_and_values_read_by_name() {
        let results = vec![results("reader", &[0, 7]), results("writer", &[-11])];
        let state = vec![Remains::word("n", 2), Remains::word("m", 0)];
        let outcome = Outcome { results: results.clone(), state: state.clone(), ..Outcome::default() };

        assert_eq!(outcome.to_string(), "reader: 0 7, writer: -11; n=2 m=0");
        let by_place = Outcome { notation: Notation::Places, ..outcome.clone() };
        assert_eq!(by_place.to_string(), "0 7, -11; n=2 m=0");
        assert_eq!(Outcome { notation: Notation::Values, ..outcome }.to_string(), "2 0");
        assert_eq!(Outcome { results, ..Outcome::default() }.to_string(), "reader: 0 7, writer: -11");
        assert_eq!(Outcome { state, ..Outcome::default() }.to_string(), "n=2 m=0");
        assert_eq!(Outcome::default().to_string(), "");
    }

    #[test]
    fn what_is_left_reads_node_by_node() {
        let one = Outcome { state: left(None, &["READ", "WRITE breaking"]).to_vec(), ..Outcome::default() };
        assert_eq!(one.to_string(), "leases [READ, WRITE breaking]; opens 1 writes 0");

        let state = [left(Some("a"), &["READ"]), left(Some("b"), &[])].concat();
        let cluster = Outcome { results: vec![results("opener", &[])], state, ..Outcome::default() };
        assert_eq!(
            cluster.to_string(),
            "opener: ; leases [READ]; opens 1 writes 0 on a; leases []; opens 1 writes 0 on b"
        );
    }

    #[test]
    fn it_can_be_written_and_read() {
        let state = left(Some("a"), &["READ"]).to_vec();
        let outcome = Outcome { results: vec![results("t", &[1])], state, notation: Notation::Places };

        let text = serde_json::to_string(&outcome).unwrap();

        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
    }
}
