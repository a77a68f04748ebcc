"use strict";
(() => {
  const [KEY, FIRST, SECOND, FUNCTION] = [1, 2, 4, 8];
  let data = null;
  const read = () => (data ??= JSON.parse(document.getElementById("data").textContent));

  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // A row of the data with names in place of numbers.
  const rowsOf = (trace, texts) => trace.r.map(([step, column, depth, text, held, flags, other, why]) => ({
    step, column, depth, held, flags,
    text: texts[text],
    mark: flags & FIRST ? 1 : flags & SECOND ? 2 : 0,
    switch: other === undefined ? null : { column: other, why: texts[why] },
  }));

  class Viewer {
    constructor(root) {
      const { texts, traces } = read();
      const trace = traces[Number(root.dataset.trace)];
      this.root = root;
      this.columns = trace.c.map((at) => texts[at]);
      this.locks = trace.l.map((at) => texts[at]);
      this.rows = rowsOf(trace, texts);
      this.noReturn = trace.n;
      this.at = -1;
      this.items = [];
      this.outlined = [];
      this.build();
      const first = this.rows.findIndex((row) => row.mark === 1);
      this.show(first < 0 ? 0 : first, false);
    }

    lanes(column) {
      const held = this.rows.filter((row) => row.column === column).reduce((all, row) => all | row.held, 0);
      return this.locks.map((_, at) => at).filter((at) => held >> at & 1);
    }

    build() {
      const bar = make("div", "bar");
      bar.setAttribute("role", "toolbar");
      bar.setAttribute("aria-label", "Steps");
      const button = (text, label, go) => {
        const node = make("button", "", text);
        node.type = "button";
        node.title = label;
        node.setAttribute("aria-label", label);
        node.addEventListener("click", go);
        bar.append(node);
        return node;
      };
      button("\u00ab", "First step (Home)", () => this.show(this.visible()[0]));
      button("\u2039", "Step back (left arrow)", () => this.move(-1));
      button("\u203a", "Next step (right arrow)", () => this.move(1));
      button("\u00bb", "Last step (End)", () => this.show(this.visible().at(-1)));
      for (const mark of [1, 2]) {
        const at = this.rows.findIndex((row) => row.mark === mark);
        if (at >= 0) button(`(${mark})`, `Go to place ${mark} of the finding`, () => this.show(at));
      }
      const turn = this.rows.findIndex((row) => row.step === this.noReturn);
      if (this.noReturn && turn >= 0) button("no return", "Go to the point of no return", () => this.reveal(turn));
      this.toggle = button("all steps", "Show every step, and every function that is entered", () => this.fold());
      this.toggle.setAttribute("aria-pressed", "false");
      this.now = make("p", "now");
      this.now.setAttribute("aria-live", "polite");
      bar.append(this.now);
      const stage = make("div", "stage");
      stage.append(this.buildTrace(), this.buildOutline());
      const locks = make("ul", "locks");
      this.locks.forEach((name, at) => {
        const item = make("li");
        item.append(make("i", `b${at % 6}`), document.createTextNode(`held: ${name}`));
        locks.append(item);
      });
      this.root.replaceChildren(bar, stage, locks);
      this.root.addEventListener("keydown", (event) => this.key(event));
    }

    buildTrace() {
      this.box = make("div", "trace");
      this.box.tabIndex = 0;
      this.box.setAttribute("role", "group");
      this.box.setAttribute("aria-label", "Trace: arrow keys step");
      this.box.style.setProperty("--cols", this.columns.length);
      const lanes = this.columns.map((_, column) => this.lanes(column));
      const heads = make("div", "heads");
      heads.append(make("span", "", "step"));
      this.columns.forEach((name, column) => {
        const head = make("span", "c", name);
        head.style.setProperty("--lanes", lanes[column].length);
        heads.append(head);
      });
      this.list = make("ol", "keys");
      const held = this.columns.map(() => 0);
      let [folded, lost, last] = [0, false, -1];
      const fold = () => {
        if (folded) this.list.append(this.foldRow(folded, last, held, lanes, lost));
        folded = 0;
      };
      this.rows.forEach((row, at) => {
        const isKey = row.flags & KEY || row.mark;
        if (isKey || row.column !== last) fold();
        if (!lost && this.noReturn && row.step > this.noReturn) {
          fold();
          lost = true;
          this.list.append(make("li", "turn", "point of no return: below this line it comes to the finding in every order"));
        }
        if (!isKey && row.step) folded += 1;
        held[row.column] = row.held;
        const item = this.item(row, at, held, lanes, row.column !== last);
        if (isKey) item.classList.add("key");
        if (lost) item.classList.add("lost");
        this.items.push(item);
        this.list.append(item);
        last = row.column;
      });
      fold();
      this.box.append(heads, this.list);
      return this.box;
    }

    foldRow(number, column, held, lanes, lost) {
      const item = make("li", lost ? "fold lost" : "fold");
      item.append(make("span", "s", ""));
      this.columns.forEach((_, at) => {
        const cell = make("span", at === column ? "c own" : "c");
        this.stripes(cell, held[at], lanes[at]);
        if (at === column) cell.append(make("span", "", `\u2026 ${number} more step${number > 1 ? "s" : ""}`));
        item.append(cell);
      });
      item.addEventListener("click", () => this.fold());
      return item;
    }

    // A stripe for each lock that is held.
    stripes(cell, held, lanes) {
      cell.style.setProperty("--lanes", lanes.length);
      lanes.forEach((lock, lane) => {
        if (!(held >> lock & 1)) return;
        const stripe = make("i", `b${lock % 6}`);
        stripe.style.left = `${lane * 9 + 4}px`;
        stripe.title = this.locks[lock];
        cell.append(stripe);
      });
    }

    item(row, at, held, lanes, isSwitch) {
      const item = make("li", row.mark ? "m" : "");
      item.append(make("span", "s", row.step || ""));
      this.columns.forEach((name, column) => {
        const own = column === row.column;
        const cell = make("span", own ? "c own" : "c");
        this.stripes(cell, held[column], lanes[column]);
        if (own) {
          if (isSwitch) cell.dataset.task = name;
          cell.append(make("span", row.flags & FUNCTION ? "fn" : "", row.text));
          if (row.mark) cell.append(make("span", "mk", row.mark));
        } else if (row.switch && row.switch.column === column) {
          cell.append(make("span", "why", row.switch.why));
        }
        item.append(cell);
      });
      item.addEventListener("click", () => this.show(at));
      return item;
    }

    // What the tasks of the two places executed: functions, locks, and the places.
    buildOutline() {
      const box = make("div", "outline");
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "Executed outline, with the two places");
      const columns = [...new Set(this.rows.filter((row) => row.mark).map((row) => row.column))];
      for (const column of columns.length ? columns : [0]) {
        box.append(make("h5", "", `${this.columns[column]} executed`));
        const list = make("ol");
        let held = 0;
        this.rows.forEach((row, at) => {
          if (row.column !== column) return;
          const isLock = row.held !== held;
          held = row.held;
          const isCall = !row.step && /^[<>] /.test(row.text);
          if (!(row.flags & FUNCTION || isLock || row.mark || isCall)) return;
          const line = make("li", row.mark ? "m" : isLock ? "lk" : "", row.text);
          line.style.paddingLeft = `${0.6 + row.depth * 0.8}rem`;
          if (row.mark) line.append(make("span", "mk", row.mark));
          line.addEventListener("click", () => this.reveal(at));
          this.outlined.push({ line, at, column });
          list.append(line);
        });
        box.append(list);
      }
      this.outline = box;
      return box;
    }

    isFolded() { return this.list.classList.contains("keys"); }

    visible() {
      const all = this.rows.map((_, at) => at);
      return this.isFolded() ? all.filter((at) => this.items[at].classList.contains("key")) : all;
    }

    fold() {
      const folded = this.list.classList.toggle("keys");
      this.toggle.setAttribute("aria-pressed", String(!folded));
      if (folded && !this.items[this.at].classList.contains("key")) this.move(-1);
      else this.show(this.at);
    }

    // Shows a row that may be folded away.
    reveal(at) {
      if (this.isFolded() && !this.items[at].classList.contains("key")) {
        this.list.classList.remove("keys");
        this.toggle.setAttribute("aria-pressed", "true");
      }
      this.show(at);
    }

    move(by) {
      const visible = this.visible();
      const next = by > 0 ? visible.find((at) => at > this.at) : visible.findLast((at) => at < this.at);
      if (next !== undefined) this.show(next);
    }

    show(at, scroll = true) {
      this.items[this.at]?.removeAttribute("aria-current");
      this.at = at;
      const [item, row] = [this.items[at], this.rows[at]];
      item.setAttribute("aria-current", "step");
      const into = (box, node) => {
        const [outer, inner] = [box.getBoundingClientRect(), node.getBoundingClientRect()];
        if (inner.top < outer.top + 30 || inner.bottom > outer.bottom - 10) box.scrollTop += inner.top - outer.top - outer.height / 3;
      };
      into(this.box, item);
      this.outlined.forEach(({ line }) => line.classList.remove("at"));
      const before = this.outlined.findLast((it) => it.column === row.column && it.at <= at);
      if (before) {
        before.line.classList.add("at");
        into(this.outline, before.line);
      }
      const held = this.locks.filter((_, lock) => row.held >> lock & 1);
      const where = row.step ? `step ${row.step} of ${this.rows.reduce((most, it) => Math.max(most, it.step), 0)}` : "between steps";
      this.now.replaceChildren(make("b", "", this.columns[row.column]), document.createTextNode(
        `, ${where}: ${row.text}${held.length ? `; holds ${held.join(", ")}` : "; holds no lock"}${row.mark ? `; place ${row.mark} of the finding` : ""}`));
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
      if (event.key in moves) this.move(moves[event.key]);
      else if (event.key === "Home") this.show(this.visible()[0]);
      else if (event.key === "End") this.show(this.visible().at(-1));
      else return;
      event.preventDefault();
    }
  }

  const open = (viewer) => {
    if (viewer && !viewer.dataset.built) {
      viewer.dataset.built = "1";
      new Viewer(viewer);
    }
  };

  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.matches("details.finding")) open(event.target.querySelector(".viewer"));
  }, true);

  // An address leads into what is closed: a finding, a page, the findings of a scenario.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    const only = target.querySelectorAll(":scope > details.finding");
    if (only.length === 1) only[0].open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  document.querySelectorAll(".viewer[data-now]").forEach(open);
  follow();
})();
