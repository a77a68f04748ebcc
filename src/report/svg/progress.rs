//! The states of two tasks as a map: to the right go the steps of the first, downwards those of the second.
//!
//! Every order of the two is a way from the top left to an end. What cannot end well any more is drawn in another colour, the
//! counterexample is a line through the map, and where it crosses into the lost part is the point of no return. Holes in the map are
//! what locks forbid. (Dijkstra drew such maps, *Cooperating Sequential Processes*, 1965.)
//!
//! It has no colours of its own: the page that it stands in has them. States of which the tasks have made the same steps are
//! drawn beside each other, so a map of a program that goes round shows only how a state was first met.

use std::collections::HashMap;
use std::fmt::Write;

use super::escaped;
use crate::explore::Schedule;
use crate::explore::graph::{End, Graph};

/// States of a map at most: more could not be told apart.
pub const STATES_MAX: u64 = 1_500;

/// Width of the map itself, about.
const WIDTH: f64 = 560.0;

/// Space around it, for the names of the tasks.
const MARGIN: f64 = 34.0;

/// What is drawn.
pub struct Map<'a> {
    /// All states.
    pub graph: &'a Graph,
    /// The two tasks.
    pub tasks: [&'a str; 2],
    /// The counterexample, and the number of the step that could not be taken back.
    pub bad: Option<(&'a Schedule, Option<u32>)>,
    /// What would have ended well in its place.
    pub good: Option<&'a Schedule>,
    /// For who does not see it.
    pub about: &'a str,
}

struct Layout {
    cell: f64,
    points: Vec<(f64, f64)>,
    size: (f64, f64),
}

/// Each state at the steps of its two tasks; those with the same steps side by side.
fn layout(graph: &Graph) -> Layout {
    let most = |task: usize| graph.nodes.iter().map(|node| node.steps[task]).max().unwrap_or(0).max(1);
    let (right, down) = (most(0), most(1));
    let cell = (WIDTH / f64::from(right.max(down))).clamp(4.0, 20.0);
    let mut beside: HashMap<(u32, u32), u32> = HashMap::new();
    let points = graph.nodes.iter().map(|node| {
        let number = beside.entry((node.steps[0], node.steps[1])).or_insert(0);
        let shift = f64::from((*number).min(3)) * cell * 0.3;
        *number += 1;
        (MARGIN + f64::from(node.steps[0]) * cell + shift, MARGIN + f64::from(node.steps[1]) * cell + shift)
    });
    let points = points.collect();
    let size = (2.0 * MARGIN + f64::from(right) * cell, 2.0 * MARGIN + f64::from(down) * cell);
    Layout { cell, points, size }
}

impl Layout {
    fn line(&self, states: &[u32]) -> String {
        let mut line = String::new();
        for (at, state) in states.iter().enumerate() {
            let (x, y) = self.points[*state as usize];
            _ = write!(line, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
        }
        line
    }
}

/// The map as SVG, without colours.
pub fn map(map: &Map<'_>) -> String {
    let (graph, at) = (map.graph, layout(map.graph));
    let (width, height) = (at.size.0.ceil().max(WIDTH + 2.0 * MARGIN), at.size.1.ceil());
    let about = escaped(map.about);
    let mut out = format!(
        "<svg class=\"map\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\">\n\
         <title>{about}</title>\n"
    );
    for (class, is_good) in [("eg", true), ("eb", false)] {
        let mut lines = String::new();
        for (from, to, _) in graph.edges.iter().filter(|edge| graph.nodes[edge.1 as usize].has_way_out == is_good) {
            lines.push_str(&at.line(&[*from, *to]));
        }
        _ = writeln!(out, "<path class=\"{class}\" d=\"{lines}\"/>");
    }
    let dot = (at.cell * 0.2).clamp(1.2, 3.2);
    for (node, (x, y)) in graph.nodes.iter().zip(&at.points) {
        let (class, radius) = match (node.end, node.has_way_out) {
            (Some(End::Well), _) => ("ng e", dot * 1.8),
            (Some(End::Badly), _) => ("nb e", dot * 1.8),
            (None, true) => ("ng", dot),
            (None, false) => ("nb", dot),
        };
        _ = writeln!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>");
    }
    ways(map, &at, &mut out);
    let (first, second) = (escaped(map.tasks[0]), escaped(map.tasks[1]));
    _ = writeln!(out, "<text class=\"a\" x=\"{MARGIN}\" y=\"16\">steps of {first} \u{2192}</text>");
    _ = writeln!(
        out,
        "<text class=\"a\" transform=\"translate(16 {MARGIN}) rotate(90)\" x=\"0\" y=\"0\">steps of {second} \u{2192}</text>"
    );
    out + "</svg>\n"
}

/// The counterexample, what would have ended well, and where they part.
fn ways(map: &Map<'_>, at: &Layout, out: &mut String) {
    let Some((bad, no_return)) = map.bad else { return };
    let way = map.graph.way(bad);
    let parting = no_return.map(|step| step as usize - 1).filter(|parting| *parting < way.len());
    if let (Some(good), Some(parting)) = (map.good, parting) {
        let good = map.graph.way(good);
        _ = writeln!(out, "<path class=\"wg\" d=\"{}\"/>", at.line(&good[parting.min(good.len() - 1)..]));
    }
    _ = writeln!(out, "<path class=\"wb\" d=\"{}\"/>", at.line(&way));
    let (x, y) = at.points[way[way.len() - 1] as usize];
    _ = writeln!(out, "<path class=\"x\" d=\"M{:.1} {:.1}l12 12m0 -12l-12 12\"/>", x - 6.0, y - 6.0);
    if let Some(parting) = parting {
        let (x, y) = at.points[way[parting] as usize];
        let is_right = x > at.size.0 / 2.0;
        let (anchor, shift) = if is_right { ("end", -10.0) } else { ("start", 10.0) };
        _ = writeln!(
            out,
            "<circle class=\"pr\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\"/>\n\
             <text class=\"pl\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">point of no return</text>",
            x + shift,
            y - 12.0
        );
    }
}
