//! CPUs, and what a program's tasks are on them: what a program says, and a kernel's rule for who gets a CPU.

use crate::event::{Level, Seat};

/// When a task may be taken off its CPU for another task. What it masks keeps others out in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preemption {
    /// Anywhere where preemption is on: no spinlock held, no `preempt_disable`, interrupts and bottom halves on.
    #[default]
    Preempt,
    /// Where it sleeps, and where it says that it might.
    Voluntary,
    /// Where it sleeps, and at `cond_resched`.
    None,
    /// PREEMPT_RT: `spinlock_t` and `rwlock_t` sleep and mask nothing, handlers are threads, and a task may be preempted wherever it holds no `raw_spinlock_t` and
    /// has interrupts and preemption on. Priorities are not modelled: any task of a CPU may preempt any other.
    Rt,
}

impl Preemption {
    /// As the kernel's boot option spells it.
    pub fn word(self) -> &'static str {
        match self {
            Preemption::Preempt => "preempt=full",
            Preemption::Voluntary => "preempt=voluntary",
            Preemption::None => "preempt=none",
            Preemption::Rt => "preempt=rt",
        }
    }
}

/// Which CPU and level each task of a program has. Empty: nobody asks, each task has a CPU of its own, and no interrupt comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contexts {
    /// Of each task, in their order.
    pub seats: Vec<Seat>,
    /// How often each comes, if it is a handler.
    pub times: Vec<u32>,
    /// Is it a handler that runs as a thread, since the kernel is a real-time kernel?
    pub threads: Vec<bool>,
    /// The rule by which tasks share a CPU.
    pub preemption: Preemption,
}

impl Contexts {
    /// Does the program say nothing of CPUs and interrupts?
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Is one CPU that of several tasks?
    pub fn shares_cpus(&self) -> bool {
        let tasks: Vec<u8> = self.seats.iter().filter(|seat| seat.level == Level::Task).map(|seat| seat.cpu).collect();
        tasks.iter().enumerate().any(|(at, cpu)| tasks[..at].contains(cpu))
    }

    /// What a verdict about the program rests on, in words; `names` are those of its tasks.
    pub fn assumption(&self, names: &[String]) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let comes = |(at, seat): (usize, &Seat)| {
            let times = match self.times.get(at).copied().unwrap_or(1) {
                1 => "once".to_owned(),
                2 => "twice".to_owned(),
                times => format!("{times} times"),
            };
            let name = names.get(at).map_or("?", String::as_str);
            if self.threads.get(at) == Some(&true) {
                return Some(format!("{name} runs {times} as a thread of CPU {}", seat.cpu));
            }
            (seat.level > Level::Task).then(|| format!("{name} comes {times} on CPU {}", seat.cpu))
        };
        let mut parts: Vec<String> = self.seats.iter().enumerate().filter_map(comes).collect();
        if self.shares_cpus() || self.preemption == Preemption::Rt {
            parts.push(self.preemption.word().to_owned());
        }
        Some(parts.join(", ")).filter(|text| !text.is_empty())
    }
}
