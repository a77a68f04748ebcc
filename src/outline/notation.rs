//! A schedule in the notations of mails: columns for a commit message, the box of lockdep, or an outline to be completed.
//!
//! Whatever found something can fill a [`Scene`]: an exploration of an outline, or the replay of a design. What is printed here our own
//! reader reads. A box has locks alone, so a finding about something else has none.

use super::vocabulary::{Kind, Mode};

/// What a step does to a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grip {
    /// Takes it, or waits for it.
    Takes(String, Mode),
    /// Gives it back.
    Releases(String),
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The task.
    pub task: usize,
    /// As it is written.
    pub text: String,
    /// What the reader should know of it.
    pub remark: Option<String>,
    /// What it does to a lock.
    pub grip: Option<Grip>,
}

/// Steps in their order, and what they lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// In the order of time.
    pub moves: Vec<Move>,
    /// Locks with their kinds, as far as they are known.
    pub locks: Vec<(String, Kind)>,
    /// Tasks that are handlers: the task whose CPU they run on, if they have one, and whether it is a softirq.
    pub handlers: Vec<(usize, Option<usize>, bool)>,
    /// Tasks that run when they are queued.
    pub works: Vec<usize>,
    /// Declarations of what else the steps name, a line each.
    pub declarations: Vec<String>,
    /// The code of the finding.
    pub code: String,
    /// What it says, in one line.
    pub title: String,
}

/// A notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// Functions and tasks, to be completed.
    Outline,
    /// A column for each task.
    Diagram,
    /// lockdep's box.
    Splat,
}

impl Notation {
    /// All, by name.
    pub const ALL: [(&'static str, Notation); 3] =
        [("outline", Notation::Outline), ("diagram", Notation::Diagram), ("splat", Notation::Splat)];
}

/// Widest cell of a diagram.
const CELL_MAX: usize = 44;

/// Width of a column of a box, as lockdep has it.
const BOX_COLUMN: usize = 24;

/// The scene in the notation; nothing if the notation has no words for it.
pub fn text(scene: &Scene, notation: Notation) -> Option<String> {
    match notation {
        Notation::Outline => Some(outline(scene)),
        Notation::Diagram => Some(diagram(&on_hosts(scene), false)),
        Notation::Splat => splat(&on_hosts(scene)),
    }
}

/// A diagram whose steps are names, so that what goes wrong is said in words alone.
pub fn told(scene: &Scene) -> Option<String> {
    claim(&scene.code)?;
    let mut told = on_hosts(scene);
    for step in &mut told.moves {
        let word: String =
            step.text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { ' ' }).collect();
        let name: Vec<&str> = word.split_whitespace().collect();
        step.text = format!("\"{}\"", name.join(" "));
        step.remark = None;
    }
    Some(diagram(&told, true))
}

/// A handler is drawn in the column of the task that it interrupts.
fn on_hosts(scene: &Scene) -> Scene {
    let mut drawn = Scene { handlers: Vec::new(), moves: Vec::new(), ..scene.clone() };
    let mut begun: Vec<usize> = Vec::new();
    for step in &scene.moves {
        let Some((task, host, is_soft)) = scene.handlers.iter().find(|(task, ..)| *task == step.task) else {
            drawn.moves.push(step.clone());
            continue;
        };
        let column = host.unwrap_or(*task);
        if !begun.contains(task) {
            begun.push(*task);
            let text = if *is_soft { "<SOFTIRQ>" } else { "<Interrupt>" };
            drawn.moves.push(Move { task: column, text: text.to_owned(), remark: None, grip: None });
        }
        if !step.text.starts_with('<') {
            drawn.moves.push(Move { task: column, text: format!("  {}", step.text), ..step.clone() });
        }
    }
    drawn
}

/// What a reader of diagrams knows a finding as.
fn claim(code: &str) -> Option<&'static str> {
    match code {
        "LW001" | "LW008" => Some("deadlock"),
        "LW009" => Some("spins forever"),
        "LW011" => Some("BUG"),
        "LW020" => Some("use after free"),
        "LW021" => Some("double free"),
        "LW002" => Some("sleeps in atomic context"),
        "LW010" => Some("data race"),
        "LW022" => Some("memory leak"),
        _ => None,
    }
}

/// The tasks that have a step, or the only one.
fn columns(scene: &Scene) -> Vec<usize> {
    (0..scene.tasks.len()).filter(|task| scene.moves.iter().any(|step| step.task == *task)).collect()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CELL_MAX {
        return text.to_owned();
    }
    text.chars().take(CELL_MAX - 3).chain("...".chars()).collect()
}

/// The cell of a step.
fn cell(step: &Move) -> String {
    match &step.remark {
        Some(remark) => format!("{}   // {remark}", cut(&step.text)),
        None => cut(&step.text),
    }
}

fn diagram(scene: &Scene, is_told: bool) -> String {
    let used = columns(scene);
    let last = scene.moves.len().saturating_sub(1);
    let cells: Vec<(usize, String)> = scene
        .moves
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let text = cell(step);
            // What the locks and accesses show needs no words, which would hide what is not shown any more.
            let is_claimed = is_told || !matches!(scene.code.as_str(), "LW002" | "LW010" | "LW022");
            let claimed = claim(&scene.code).filter(|_| at == last && is_claimed);
            (step.task, claimed.map_or(text.clone(), |claim| format!("{}   // {claim}", cut(&step.text))))
        })
        .collect();
    // A reader knows a single column by the name of a CPU.
    let name = |task: usize| {
        if used.len() == 1 { format!("CPU0 ({})", scene.tasks[task]) } else { scene.tasks[task].clone() }
    };
    let width = |task: usize| {
        let widest = cells.iter().filter(|(at, _)| *at == task).map(|(_, text)| text.chars().count()).max();
        widest.unwrap_or(0).max(name(task).chars().count()) + 4
    };
    let widths: Vec<usize> = used.iter().map(|task| width(*task)).collect();
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells: String = used.iter().zip(&widths).map(|(task, width)| format!("{:<width$}", cell(*task))).collect();
        format!("  {}", cells.trim_end()).trim_end().to_owned() + "\n"
    };
    let mut text = format!("{}: {}\n\n", scene.code, scene.title);
    text.push_str(&line(&|task| name(task)));
    text.push_str(&line(&|task| "-".repeat(name(task).chars().count())));
    for (task, words) in &cells {
        text.push_str(&line(&|column| if column == *task { words.clone() } else { String::new() }));
    }
    text
}

/// A line of a box.
struct Kept<'a> {
    task: usize,
    text: String,
    lock: Option<&'a str>,
}

/// The steps that take a lock that is not given back later by the same task, and the interrupts before them.
fn kept(scene: &Scene) -> Vec<Kept<'_>> {
    let mut kept: Vec<Kept> = Vec::new();
    for step in &scene.moves {
        let blanks = step.text.len() - step.text.trim_start().len();
        match &step.grip {
            Some(Grip::Takes(lock, mode)) => {
                let word = if *mode == Mode::Read { "rlock" } else { "lock" };
                kept.push(Kept { task: step.task, text: format!("{:blanks$}{word}({lock});", ""), lock: Some(lock) });
            }
            Some(Grip::Releases(lock)) => {
                if let Some(at) = kept.iter().rposition(|known| known.task == step.task && known.lock == Some(lock)) {
                    kept.remove(at);
                }
            }
            None if step.text.starts_with('<') => {
                kept.push(Kept { task: step.task, text: step.text.clone(), lock: None })
            }
            None => {}
        }
    }
    kept
}

fn splat(scene: &Scene) -> Option<String> {
    let kept = kept(scene);
    if kept.is_empty() || !matches!(scene.code.as_str(), "LW001" | "LW003" | "LW004" | "LW008") {
        return None;
    }
    let mut used: Vec<usize> = kept.iter().map(|kept| kept.task).collect();
    used.sort_unstable();
    used.dedup();
    let line = |first: usize, cell: &dyn Fn(usize) -> String| {
        let width = |at: usize| if at == 0 { first } else { BOX_COLUMN };
        let cells: String = (0..used.len()).map(|at| format!("{:<1$}", cell(at), width(at))).collect();
        cells.trim_end().to_owned() + "\n"
    };
    let mut text = format!("{}: {}\n\n Possible unsafe locking scenario:\n\n", scene.code, scene.title);
    text.push_str("       ");
    text.push_str(&line(BOX_COLUMN, &|at| format!("CPU{at}")));
    text.push_str("       ");
    text.push_str(&line(BOX_COLUMN, &|_| "----".to_owned()));
    for kept in &kept {
        text.push_str("  ");
        // The header stands five blanks further in.
        let cell = |at: usize| if used[at] == kept.task { kept.text.clone() } else { String::new() };
        text.push_str(&line(BOX_COLUMN + 5, &cell));
    }
    text.push_str("\n *** DEADLOCK ***\n\n");
    for (at, task) in used.iter().enumerate() {
        text.push_str(&format!(" CPU{at} is {}\n", scene.tasks[*task]));
    }
    Some(text)
}

/// A name for what a task does.
pub fn function(task: &str) -> String {
    let word: String = task.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{}_path", word.trim_matches('_'))
}

/// A name for the task itself.
pub fn task_name(task: &str) -> String {
    task.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// A lock of two parameters that are exchanged in this task: the line has the other one.
fn exchanged(step: &Move) -> Option<String> {
    let Some(Grip::Takes(lock, _) | Grip::Releases(lock)) = &step.grip else { return None };
    let (_, member) = lock.split_once("->")?;
    let (word, argument) = step.text.split_once('(')?;
    let is_other = !step.text.contains(lock.as_str()) && argument.contains(&format!("->{member}"));
    is_other.then(|| format!("{word}(&{lock})"))
}

fn outline(scene: &Scene) -> String {
    let mut text = format!("# {}: {}\n", scene.code, scene.title);
    let grips = |step: &Move, name: &str| match &step.grip {
        Some(Grip::Takes(lock, _) | Grip::Releases(lock)) => lock == name,
        None => false,
    };
    let named = |name: &str| scene.moves.iter().any(|step| step.text.contains(name) || grips(step, name));
    for (name, kind) in scene.locks.iter().filter(|(name, kind)| *kind != Kind::Bkl && named(name)) {
        text.push_str(&format!("lock {name}: {}\n", kind.text()));
    }
    text.extend(scene.declarations.iter().map(|line| format!("{line}\n")));
    let used = columns(scene);
    for task in &used {
        let handler = scene.handlers.iter().find(|(handler, ..)| handler == task);
        let word = match handler {
            Some((.., true)) => "softirq",
            Some(_) => "irq",
            None if scene.works.contains(task) => "work",
            None => "task",
        };
        text.push_str(&format!("{word} {}: {}\n", task_name(&scene.tasks[*task]), function(&scene.tasks[*task])));
    }
    for task in &used {
        text.push_str(&format!("\n{}\n", function(&scene.tasks[*task])));
        for step in scene.moves.iter().filter(|step| step.task == *task && !step.text.starts_with('<')) {
            text.push_str(&format!("   {}\n", exchanged(step).unwrap_or_else(|| step.text.clone())));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(task: usize, lock: &str) -> Move {
        let grip = Some(Grip::Takes(lock.to_owned(), Mode::Write));
        Move { task, text: format!("mutex_lock({lock})"), remark: None, grip }
    }

    fn abba() -> Scene {
        Scene {
            tasks: vec!["open".to_owned(), "remove".to_owned()],
            moves: vec![takes(0, "a"), takes(1, "b"), takes(1, "a"), takes(0, "b")],
            locks: vec![("a".to_owned(), Kind::Mutex), ("b".to_owned(), Kind::Mutex)],
            code: "LW008".to_owned(),
            title: "open and remove wait for each other".to_owned(),
            ..Scene::default()
        }
    }

    #[test]
    fn a_diagram_has_a_column_for_each_task_and_claims_what_was_found() {
        let expected = "LW008: open and remove wait for each other\n\n  open                           remove\n  ----                           ------\n  mutex_lock(a)\n                                 mutex_lock(b)\n                                 mutex_lock(a)\n  mutex_lock(b)   // deadlock\n";
        assert_eq!(text(&abba(), Notation::Diagram).unwrap(), expected);
    }

    #[test]
    fn a_box_has_the_locks_that_are_kept() {
        let mut scene = abba();
        let back = Move { grip: Some(Grip::Releases("c".to_owned())), ..takes(0, "c") };
        scene.moves.splice(0..0, [takes(0, "c"), back]);

        let shown = text(&scene, Notation::Splat).unwrap();
        assert!(!shown.contains("lock(c)"), "{shown}");
        assert!(shown.contains("  lock(a);\n                               lock(b);\n"), "{shown}");
        assert!(shown.contains(" *** DEADLOCK ***\n\n CPU0 is open\n CPU1 is remove\n"), "{shown}");

        let race = Scene { code: "LW010".to_owned(), ..scene };
        assert_eq!(text(&race, Notation::Splat), None);
    }

    #[test]
    fn an_outline_declares_its_locks_and_tasks() {
        let expected = "# LW008: open and remove wait for each other\nlock a: mutex\nlock b: mutex\ntask open: open_path\ntask remove: remove_path\n\nopen_path\n   mutex_lock(a)\n   mutex_lock(b)\n\nremove_path\n   mutex_lock(b)\n   mutex_lock(a)\n";
        assert_eq!(text(&abba(), Notation::Outline).unwrap(), expected);
    }
}
