//! The story of an execution: its trace as rows, one column per task.
//!
//! Two ways to tell it. [`whole`] has every operation and every function entered. [`folded`] is what a counterexample
//! needs: calls and results, the two places of the finding, and where the tasks meet: an object that one task
//! leaves behind for another, changed by one of the two. The rest is a number of steps.
//!
//! The set-up has no column: the calls that it makes are those that a task has made before the start. A place of the finding
//! that lies there stands in the column of that task, as `set-up: ...`; the rest of the set-up is not told.
//!
//! A call that a task is about to make stands before its first step, not where the task's last step ended: the remark
//! is the task's own affair until then.

use std::collections::BTreeMap;

use crate::check::{Code, Finding, Spot};
use crate::event::names::Names;
use crate::event::{Format, Note, ObjectId, ObjectInfo, Op, Reading, TaskId, What};
use crate::explore::schedule::{Line, Replay, Stand};

/// Rows of a page: more are folded away as far as they can be spared.
const ROWS_MAX: usize = 20;

/// How much a row matters for a finding, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It is one task's own affair.
    None,
    /// Tasks meet at a field of a slab object.
    Field,
    /// Tasks meet at a lock.
    Lock,
    /// Tasks meet at memory that is no field, at the type of a lease, at a record's end, or one looked before the other
    /// changed it.
    State,
    /// Without it there is no story.
    Must,
}

/// One row: something that one task does.
#[derive(Clone, Debug)]
pub struct Row {
    /// Number of the step; a remark on the step before has none.
    pub step: Option<u32>,
    /// Whose: a position in [`Story::columns`].
    pub column: usize,
    /// Depth of its call stack.
    pub depth: usize,
    /// What happens.
    pub text: String,
    /// Per column, the locks held after it.
    pub held: Vec<Vec<String>>,
    /// Is it a place of the finding, and which?
    pub mark: Option<u8>,
    /// If another task ran before: its column, and why it does not go on.
    pub switch: Option<(usize, String)>,
    /// How much it matters: a page that is too long loses what matters least.
    weight: Weight,
    /// Does it lie before the start? Nobody else runs then.
    pub is_set_up: bool,
    /// Is it the result of a call? Behind the second place of a finding nothing else is of interest.
    is_result: bool,
}

/// An execution as rows.
#[derive(Clone, Debug)]
pub struct Story {
    /// Names of the tasks; the clock, and the end when everything is closed (`boot`), only where they matter.
    pub columns: Vec<String>,
    /// In order.
    pub rows: Vec<Row>,
}

/// Everything that happened, functions entered included.
pub fn whole(replay: &Replay, names: &Names, finding: Option<&Finding>) -> Story {
    tell(replay, names, finding, true)
}

/// What the finding needs.
pub fn folded(replay: &Replay, names: &Names, finding: &Finding) -> Story {
    let mut story = tell(replay, names, Some(finding), false);
    // A round without an end is shown to where it began.
    let last = match finding.code {
        Code::LW009 => story.rows.len().checked_sub(1),
        _ => story.rows.iter().rposition(|row| row.mark.is_some()),
    };
    for row in story.rows.iter_mut().skip(last.map_or(0, |last| last + 1)).filter(|row| !row.is_result) {
        row.weight = Weight::None;
    }
    let rows = std::mem::take(&mut story.rows);
    let folds = [Weight::Field, Weight::Lock, Weight::State].map(|lightest| fold(&rows, lightest));
    let [.., shortest] = &folds;
    story.rows = folds.iter().find(|rows| rows.len() <= ROWS_MAX).unwrap_or(shortest).clone();
    story
}

/// The places of a finding in the order in which they happen, which is how they are numbered.
pub fn places(finding: &Finding) -> Vec<&(Spot, String)> {
    match &finding.other {
        Some(other) if finding.at.0.step < other.0.step => vec![&finding.at, other],
        Some(other) => vec![other, &finding.at],
        None => vec![&finding.at],
    }
}

fn tell(replay: &Replay, names: &Names, finding: Option<&Finding>, whole: bool) -> Story {
    let places = finding.map_or(Vec::new(), places);
    let columns = columns(replay, names, &places);
    let mut teller = Teller {
        whole,
        of_sleeping: finding.is_some_and(|finding| finding.code == Code::LW002),
        held: vec![Vec::new(); columns.len()],
        meetings: meetings(&replay.lines),
        waiting: vec![Vec::new(); columns.len()],
        found: vec![false; places.len()],
        rows: Vec::new(),
        columns,
        places,
    };
    replay.lines.iter().enumerate().for_each(|(at, line)| teller.line(at, line));
    teller.rest(replay);
    let Teller { columns, mut rows, .. } = teller;
    explain_switches(&mut rows, &columns, replay);
    Story { columns: columns.into_iter().map(|(_, name)| name).collect(), rows }
}

/// The task in whose column something stands.
fn shown_at(task: TaskId, set_up_of: Option<TaskId>) -> TaskId {
    set_up_of.filter(|_| task == TaskId::BOOT).unwrap_or(task)
}

/// The scenario's tasks; the clock if it moved; the end, when everything is closed, if a place of the finding lies there.
fn columns(replay: &Replay, names: &Names, places: &[&(Spot, String)]) -> Vec<(TaskId, String)> {
    let mut columns: Vec<(TaskId, String)> =
        names.tasks.iter().enumerate().map(|(at, name)| (TaskId(at as u8 + 1), name.clone())).collect();
    if places.iter().any(|(spot, _)| shown_at(spot.task, spot.set_up_of) == TaskId::BOOT) {
        columns.insert(0, (TaskId::BOOT, names.task(TaskId::BOOT).to_owned()));
    }
    if replay.lines.iter().any(|line| line.event.task == TaskId::CLOCK) {
        columns.push((TaskId::CLOCK, names.task(TaskId::CLOCK).to_owned()));
    }
    columns
}

/// How two tasks meet at an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meeting {
    /// One finds what the other left.
    Left,
    /// One looks, and only then the other changes it: what races are made of.
    LookedBefore,
}

/// Positions of lines with which one task leaves an object that another task uses next, and one of the two changes it.
fn meetings(lines: &[Line]) -> BTreeMap<usize, Meeting> {
    let mut uses: BTreeMap<ObjectId, Vec<Use>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.event.task != TaskId::BOOT) {
        let What::Op(op, _) = line.event.what else { continue };
        let Some(object) = op.object() else { continue };
        let changes = op.access().is_none_or(|(writes, _)| writes);
        uses.entry(object).or_default().push(Use { at, task: line.event.task, changes });
    }
    let mut met = BTreeMap::new();
    for (at, meeting) in uses.values().flat_map(|uses| meetings_at(uses)) {
        let known = met.entry(at).or_insert(meeting);
        *known = meeting.max(*known);
    }
    met
}

/// A use of an object.
struct Use {
    at: usize,
    task: TaskId,
    changes: bool,
}

/// Of the uses before a meeting the last change counts (or the last look), of those after it the first change (or
/// look).
fn meetings_at(uses: &[Use]) -> Vec<(usize, Meeting)> {
    let runs: Vec<&[Use]> = uses.chunk_by(|before, after| before.task == after.task).collect();
    let mut met = Vec::new();
    for pair in runs.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        if let Some(left) = before.iter().rfind(|it| it.changes) {
            met.extend([(left.at, Meeting::Left), (after[0].at, Meeting::Left)]);
        } else if let Some(change) = after.iter().find(|it| it.changes) {
            met.extend([before[before.len() - 1].at, change.at].map(|at| (at, Meeting::LookedBefore)));
        }
    }
    met
}

struct Teller<'a> {
    columns: Vec<(TaskId, String)>,
    places: Vec<&'a (Spot, String)>,
    /// Is the finding about what may sleep? Otherwise that remark is no place of it.
    of_sleeping: bool,
    found: Vec<bool>,
    whole: bool,
    /// Positions of lines at which tasks meet.
    meetings: BTreeMap<usize, Meeting>,
    held: Vec<Vec<String>>,
    /// Per column, rows that begin something and wait for the step with which it begins.
    waiting: Vec<Vec<Row>>,
    rows: Vec<Row>,
}

impl Teller<'_> {
    fn line(&mut self, at: usize, line: &Line) {
        let mark = self.mark(line);
        let task = shown_at(line.event.task, line.event.set_up_of);
        let Some(column) = self.columns.iter().position(|(id, _)| *id == task) else { return };
        if line.event.task == TaskId::BOOT && mark.is_none() {
            return;
        }
        let is_set_up = line.event.set_up_of.is_some();
        let text = match (line.event.what, &line.text, mark) {
            (What::Note(Note::Enter(name)), ..) if self.whole => Some(format!("{name}()")),
            (_, Some(text), _) => Some(text.clone()),
            (_, None, Some(mark)) => Some(self.places[usize::from(mark) - 1].1.clone()),
            _ => None,
        };
        let text = text.map(|text| if is_set_up { format!("set-up: {text}") } else { text });
        let begins = begins(line) && !is_set_up;
        if text.is_some() && !begins {
            self.flush(column);
        }
        self.held[column].clone_from(&line.held);
        let step = (matches!(line.event.what, What::Op(..)) && !is_set_up).then_some(line.event.step);
        let Some(text) = text else { return };
        let weight = if mark.is_some() { Weight::Must } else { self.weigh(at, line) };
        let is_result = matches!(line.event.what, What::Note(Note::Return(..)));
        let row = Row {
            step,
            column,
            depth: if is_set_up { 0 } else { line.depth },
            text,
            held: self.held.clone(),
            mark,
            switch: None,
            weight,
            is_set_up,
            is_result,
        };
        if is_set_up {
            // What is held there is held no more when the tasks start.
            self.held[column].clear();
        }
        if begins { self.waiting[column].push(row) } else { self.rows.push(row) }
    }

    /// Which place of the finding the line is, each at most once.
    fn mark(&mut self, line: &Line) -> Option<u8> {
        let is_at = |spot: &Spot| {
            let event = &line.event;
            (spot.step, spot.task, spot.place) == (event.step, event.task, event.place)
                && spot.set_up_of == event.set_up_of
                && !matches!(line.event.what, What::Note(Note::Enter(_) | Note::Exit(_)))
                && (self.of_sleeping || !matches!(line.event.what, What::Note(Note::MightSleep(_))))
        };
        let at = (0..self.places.len()).find(|&at| !self.found[at] && is_at(&self.places[at].0))?;
        self.found[at] = true;
        Some(at as u8 + 1)
    }

    fn flush(&mut self, column: usize) {
        for mut row in std::mem::take(&mut self.waiting[column]) {
            row.held.clone_from(&self.held);
            self.rows.push(row);
        }
    }

    fn weigh(&self, at: usize, line: &Line) -> Weight {
        match line.event.what {
            What::Op(Op::Sleep(_) | Op::Choose(..) | Op::Interrupt(_) | Op::Advance(_), _) => Weight::Must,
            What::Op(op, _) => match (self.meetings.get(&at), line.object) {
                (None, _) | (_, None) => Weight::None,
                (Some(_), Some(object)) if object.kind.is_lock() => Weight::Lock,
                (Some(Meeting::LookedBefore), _) => Weight::State,
                (
                    _,
                    Some(
                        ObjectInfo { block: None, .. }
                        | ObjectInfo { format: Format::Case(Reading { is_state: true, .. }), .. },
                    ),
                ) => Weight::State,
                _ if matches!(op, Op::Free(_)) => Weight::State,
                _ => Weight::Field,
            },
            What::Note(Note::Call(_) | Note::Return(..)) => Weight::Must,
            What::Note(Note::Signal { .. } | Note::Bug(_)) => Weight::Must,
            What::Note(Note::Case(note)) if note.kind.reads.is_some() => Weight::Must,
            What::Note(_) => Weight::None,
        }
    }

    /// What still waits, and places that are no line: a step that is only pending, or the end.
    fn rest(&mut self, replay: &Replay) {
        for column in 0..self.columns.len() {
            if self.waiting[column].iter().any(|row| row.mark.is_some()) {
                self.flush(column);
            }
        }
        for at in 0..self.places.len() {
            let (spot, label) = self.places[at];
            let task = shown_at(spot.task, spot.set_up_of);
            let column = self.columns.iter().position(|(id, _)| *id == task);
            let (false, Some(column)) = (self.found[at], column) else { continue };
            // A pending step has the number that the step after the last state would get.
            let stands = replay.states.last().filter(|_| spot.step as usize == replay.states.len());
            let stand = match spot.task {
                TaskId::BOOT | TaskId::CLOCK => None,
                task => stands.and_then(|stands| stands.get(task.index())),
            };
            let text = match stand {
                Some(Stand::Ready(op)) if is_bare_load(op) => format!("next: reads {op}"),
                Some(Stand::Ready(op)) => format!("next: {op}"),
                Some(Stand::Waits { lock, holder }) => format!("waits for {lock}, held by {holder}"),
                Some(Stand::Sleeps) => "sleeps".to_owned(),
                Some(Stand::Drains) => "waits for its own stores to reach memory".to_owned(),
                Some(Stand::Stalled(by)) => format!("{by} has its CPU"),
                Some(Stand::Finished) | None => label.clone(),
            };
            self.flush(column);
            let held = self.held.clone();
            let mark = Some(at as u8 + 1);
            self.rows.push(Row {
                step: None,
                column,
                depth: 0,
                text,
                held,
                mark,
                switch: None,
                weight: Weight::Must,
                is_set_up: false,
                is_result: false,
            });
        }
    }
}

/// A plain load reads as the name of what is loaded.
fn is_bare_load(op: &str) -> bool {
    !op.contains(['=', '(', ' '])
}

/// Remarks that begin something that only the task knows of: they belong to the step to come.
fn begins(line: &Line) -> bool {
    matches!(line.event.what, What::Note(Note::Call(_) | Note::Enter(_) | Note::MightSleep(_) | Note::Alloc(_)))
}

/// Says at each switch why the task before does not go on.
fn explain_switches(rows: &mut [Row], columns: &[(TaskId, String)], replay: &Replay) {
    for at in 1..rows.len() {
        let (before, now) = (rows[at - 1].column, rows[at].column);
        let task = columns[before].0;
        if before == now || rows[at - 1].is_set_up || task == TaskId::BOOT || task == TaskId::CLOCK {
            continue;
        }
        let next_step = rows[at..].iter().find_map(|row| row.step).map(|step| step as usize - 1);
        let state = next_step.unwrap_or(replay.states.len().saturating_sub(1));
        let Some(stand) = replay.states.get(state).and_then(|state| state.get(task.index())) else { continue };
        let why = match stand {
            Stand::Ready(_) if next_step.is_none() => continue,
            Stand::Ready(_) => "(preempted)".to_owned(),
            Stand::Waits { lock, holder } => format!("(waits for {lock}, held by {holder})"),
            Stand::Sleeps => "(sleeps)".to_owned(),
            Stand::Drains => "(waits for its own stores)".to_owned(),
            Stand::Stalled(by) => format!("({by} has its CPU)"),
            Stand::Finished => "(done)".to_owned(),
        };
        rows[at].switch = Some((before, why));
    }
}

/// Puts rows that matter less than `lightest` together, as a number of steps.
fn fold(rows: &[Row], lightest: Weight) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::new();
    let mut hidden: Vec<Row> = Vec::new();
    for row in rows {
        let keep = row.weight >= lightest;
        let same_task = hidden.last().is_none_or(|last| last.column == row.column);
        if keep || !same_task {
            unhide(&mut folded, &mut hidden);
        }
        if keep { folded.push(row.clone()) } else { hidden.push(row.clone()) }
    }
    unhide(&mut folded, &mut hidden);
    folded
}

/// One step is as short as its number would be; remarks alone go without a trace.
fn unhide(folded: &mut Vec<Row>, hidden: &mut Vec<Row>) {
    let steps = hidden.iter().filter(|row| row.step.is_some()).count();
    let switch = hidden.iter().find_map(|row| row.switch.clone());
    let last = hidden.iter().rfind(|row| row.step.is_some()).cloned();
    hidden.clear();
    let Some(last) = last else { return };
    let (step, text) =
        if steps == 1 { (last.step, last.text.clone()) } else { (None, format!("... {steps} more steps")) };
    folded.push(Row { step, text, switch, ..last });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Place;

    #[test]
    fn places_stand_in_the_order_of_steps_and_the_second_may_be_missing() {
        let spot = |step| Spot { step, task: TaskId(1), place: Place::caller(), set_up_of: None };
        let place = |step: u32| (spot(step), step.to_string());
        let finding = |at, other: Option<u32>| Finding {
            code: Code::LW010,
            subject: "x".into(),
            message: String::new(),
            at: place(at),
            other: other.map(place),
            step: at,
        };
        let shown = |finding: &Finding| places(finding).iter().map(|place| place.0.step).collect::<Vec<u32>>();

        assert_eq!(shown(&finding(2, Some(5))), [2, 5]);
        assert_eq!(shown(&finding(5, Some(2))), [2, 5]);
        assert_eq!(shown(&finding(5, None)), [5]);
    }
}
