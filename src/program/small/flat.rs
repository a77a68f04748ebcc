//! The control flow of a small program: where each statement goes on, with bounded loops written out.
//!
//! Both forms of a program, on the kernel and interpreted, follow the same lines, so they have the same loops and skips.

use std::collections::BTreeMap;

use crate::program::small::Stmt;

/// One line: a statement, and the lines it goes on with. One past the last line is the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub stmt: Stmt,
    /// Otherwise.
    pub next: usize,
    /// If statements are left out, or the loop goes round again.
    pub skip: usize,
}

/// Lines of a task at most, loops written out.
pub(super) const LINES_MAX: usize = 100_000;

/// Why a task has no lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// There would be more than [`LINES_MAX`].
    TooLong,
    /// A loop could go round for ever without a step; the statement is in it.
    NoStep(usize),
}

/// A loop around a statement: where the loop stands, and which round it is.
type Rounds = Vec<(usize, u32)>;

struct Flattening<'a> {
    stmts: &'a [Stmt],
    order: Vec<(Rounds, usize)>,
}

impl Flattening<'_> {
    /// Behind the last statement of the loop at `at`, and its number of rounds.
    fn body(&self, at: usize) -> (usize, u32) {
        let Stmt::Repeat(times, count) = self.stmts[at] else { unreachable!("internal error: no loop at {at}") };
        ((at + 1 + count).min(self.stmts.len()), times)
    }

    fn write_out(&mut self, rounds: &Rounds, mut at: usize, end: usize) {
        while at < end && self.order.len() <= LINES_MAX {
            self.order.push((rounds.clone(), at));
            let Stmt::Repeat(times, _) = self.stmts[at] else {
                at += 1;
                continue;
            };
            let (behind, _) = self.body(at);
            // A body that is never entered from above may still be jumped into.
            for round in 0..times.max(1) {
                // An empty body has no lines, however often it is gone through.
                if behind == at + 1 || self.order.len() > LINES_MAX {
                    break;
                }
                let inner = [rounds.as_slice(), &[(at, round)]].concat();
                self.write_out(&inner, at + 1, behind.min(end));
            }
            at = behind;
        }
    }

    /// Where a jump from inside `rounds` to the statement `to` arrives.
    fn arrive(&self, rounds: &Rounds, mut to: usize) -> (Rounds, usize) {
        let mut rounds = rounds.clone();
        while let Some(&(head, round)) = rounds.last() {
            let (behind, times) = self.body(head);
            if to == behind && round + 1 < times {
                rounds.last_mut().expect("just looked at").1 += 1;
                to = head + 1;
            }
            if head < to && to < behind {
                break;
            }
            // The last round is over, or the jump leaves the loop.
            rounds.pop();
        }
        // Loops that are jumped into are in their first round.
        let innermost = rounds.last().map_or(0, |&(head, _)| head + 1);
        for head in innermost..to {
            if matches!(self.stmts[head], Stmt::Repeat(..)) && to < self.body(head).0 {
                rounds.push((head, 0));
            }
        }
        (rounds, to.min(self.stmts.len()))
    }
}

/// The lines of a task.
///
/// # Errors
/// If a loop could go round for ever without a step, or is too long to be written out.
pub(super) fn lines(stmts: &[Stmt]) -> Result<Vec<Line>, Unfit> {
    let (lines, order): (Vec<Line>, Vec<usize>) = if stmts.iter().any(|stmt| matches!(stmt, Stmt::Repeat(..))) {
        written_out(stmts)?
    } else {
        stmts.iter().enumerate().map(|(at, &stmt)| (straight(stmt, at, stmts.len()), at)).unzip()
    };
    if lines.len() > LINES_MAX {
        return Err(Unfit::TooLong);
    }
    if lines.iter().enumerate().any(|(at, line)| line.next <= at)
        && let Some(at) = without_step(&lines)
    {
        return Err(Unfit::NoStep(order[at]));
    }
    Ok(lines)
}

/// A line where no loop is written out: its number is that of its statement.
fn straight(stmt: Stmt, at: usize, end: usize) -> Line {
    let behind = at + 1;
    let (next, skip) = match stmt {
        Stmt::Skip(skip) => (behind + skip, behind + skip),
        Stmt::Back(back) => (at.saturating_sub(back), at.saturating_sub(back)),
        stmt => (behind, behind + stmt.skips().unwrap_or(0)),
    };
    Line { stmt, next: next.min(end), skip: skip.min(end) }
}

/// The lines, and the statement of each.
fn written_out(stmts: &[Stmt]) -> Result<(Vec<Line>, Vec<usize>), Unfit> {
    let mut flattening = Flattening { stmts, order: Vec::new() };
    flattening.write_out(&Vec::new(), 0, stmts.len());
    if flattening.order.len() > LINES_MAX {
        return Err(Unfit::TooLong);
    }
    let order = &flattening.order;
    let mut positions: BTreeMap<&(Rounds, usize), usize> =
        order.iter().enumerate().map(|(at, key)| (key, at)).collect();
    let end = (Vec::new(), stmts.len());
    positions.insert(&end, order.len());
    let position = |rounds: &Rounds, to: usize| positions[&flattening.arrive(rounds, to)];
    let line = |(rounds, at): &(Rounds, usize)| {
        let (stmt, behind) = (stmts[*at], *at + 1);
        let straight = straight(stmt, *at, stmts.len());
        let (next, skip) = match stmt {
            Stmt::Repeat(0, _) => (flattening.body(*at).0, flattening.body(*at).0),
            Stmt::Repeat(..) if flattening.body(*at).0 > behind => {
                let inner = [rounds.as_slice(), &[(*at, 0)]].concat();
                let first = position(&inner, behind);
                return Line { stmt, next: first, skip: first };
            }
            _ => (straight.next, straight.skip),
        };
        Line { stmt, next: position(rounds, next), skip: position(rounds, skip) }
    };
    Ok(order.iter().map(|key| (line(key), key.1)).unzip())
}

/// A line of a loop that may make no step in a round, if there is one.
fn without_step(lines: &[Line]) -> Option<usize> {
    let is_quiet = |line: &Line| {
        let controls = matches!(line.stmt, Stmt::IfLast(..) | Stmt::Skip(_) | Stmt::Repeat(..) | Stmt::Back(_));
        let counts = matches!(line.stmt, Stmt::PreemptDisable | Stmt::PreemptEnable | Stmt::MaySleep);
        controls || counts || matches!(line.stmt, Stmt::LockKernel | Stmt::UnlockKernel)
    };
    let mut open: Vec<usize> = (0..lines.len()).filter(|&at| is_quiet(&lines[at])).collect();
    loop {
        let still = open.clone();
        let leads_on = |at: &usize| [lines[*at].next, lines[*at].skip].iter().any(|to| still.binary_search(to).is_ok());
        open.retain(leads_on);
        if open.len() == still.len() {
            break;
        }
    }
    open.first().copied()
}

/// Can the line be run more than once? Only [`Stmt::Back`] does that.
pub(super) fn is_repeated(lines: &[Line]) -> Vec<bool> {
    let backs = lines.iter().enumerate().filter(|(at, line)| line.next <= *at);
    let mut repeated = vec![false; lines.len()];
    for (at, line) in backs {
        repeated[line.next..=at].fill(true);
    }
    repeated
}

#[cfg(test)]
mod tests {
    use super::super::Is;
    use super::Stmt::*;
    use super::*;

    /// Each line with where it goes on.
    fn text(stmts: &[Stmt]) -> String {
        let line = |line: &Line| match (line.next, line.skip) {
            (next, skip) if next == skip => format!("{:?}>{next}", line.stmt),
            (next, skip) => format!("{:?}>{next}|{skip}", line.stmt),
        };
        lines(stmts).expect("they fit").iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn skips_go_behind_what_they_leave_out() {
        assert_eq!(text(&[TryLock(0, 2), Fence, Skip(9), Fence]), "TryLock(0, 2)>1|3 Fence>2 Skip(9)>4 Fence>4");
    }

    #[test]
    fn bounded_loops_are_written_out() {
        assert_eq!(text(&[Repeat(2, 1), Fence, Choose(2)]), "Repeat(2, 1)>1 Fence>2 Fence>3 Choose(2)>4",);
        // Twice (three times a fence, then a choice).
        let nested = lines(&[Repeat(2, 3), Repeat(3, 1), Fence, Choose(2)]).expect("they fit");
        assert_eq!(nested.len(), 1 + 2 * (1 + 3 + 1));
        assert!(nested.iter().enumerate().all(|(at, line)| line.next == at + 1));
        assert_eq!(text(&[Repeat(0, 1), Fence, Choose(2)]), "Repeat(0, 1)>2 Fence>2 Choose(2)>3");
    }

    #[test]
    fn a_skip_to_the_end_of_the_body_begins_the_next_round_and_one_beyond_leaves_the_loop() {
        // The body is a condition and a fence.
        assert_eq!(
            text(&[Repeat(2, 2), IfCell(0, Is::Eq(1), 1), Fence, Choose(2)]),
            "Repeat(2, 2)>1 IfCell(0, Eq(1), 1)>2|3 Fence>3 IfCell(0, Eq(1), 1)>4|5 Fence>5 Choose(2)>6",
        );
        assert_eq!(
            text(&[Repeat(2, 2), IfCell(0, Is::Eq(1), 2), Fence, Choose(2), Wake(0)]),
            "Repeat(2, 2)>1 IfCell(0, Eq(1), 2)>2|6 Fence>3 IfCell(0, Eq(1), 2)>4|6 Fence>5 Choose(2)>6 Wake(0)>7",
        );
    }

    #[test]
    fn a_skip_into_a_loop_enters_its_first_round() {
        assert_eq!(text(&[Skip(1), Repeat(2, 1), Fence]), "Skip(1)>2 Repeat(2, 1)>2 Fence>3 Fence>4");
    }

    #[test]
    fn what_a_loop_without_a_bound_goes_over_is_repeated() {
        let lines = lines(&[Fence, LoadOnce(0), IfLast(Is::Eq(1), 1), Back(2), Fence]).expect("they fit");

        assert_eq!((lines[3].next, lines[3].skip), (1, 1));
        assert_eq!(is_repeated(&lines), [false, true, true, true, false]);
    }

    #[test]
    fn a_loop_that_makes_no_step_is_refused() {
        assert_eq!(lines(&[Fence, Back(0)]), Err(Unfit::NoStep(1)));
        assert_eq!(lines(&[PreemptDisable, IfLast(Is::Eq(0), 1), Back(2)]), Err(Unfit::NoStep(0)));
        assert_eq!(lines(&[Repeat(2, 1), Fence, Back(0)]), Err(Unfit::NoStep(2)));
        assert!(lines(&[Fence, Back(1)]).is_ok());
    }

    #[test]
    fn a_task_that_is_too_long_is_refused_before_it_is_written_out() {
        let most = LINES_MAX as u32;

        assert_eq!(lines(&[Repeat(most - 1, 1), Fence]).map(|lines| lines.len()), Ok(LINES_MAX));
        assert_eq!(lines(&[Repeat(most, 1), Fence]), Err(Unfit::TooLong));
        assert_eq!(lines(&[Repeat(u32::MAX, 2), Repeat(u32::MAX, 1), Fence]), Err(Unfit::TooLong));
        assert_eq!(lines(&[Repeat(u32::MAX, 0), Fence]).map(|lines| lines.len()), Ok(2));
    }
}
