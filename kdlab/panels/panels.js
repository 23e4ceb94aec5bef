// The picture of a panel: it answers the controls from tables of pictures, without the kernel.
//
// The kernel sends two tables (table.py): `now`, its last answer, one picture; and `table`, the
// pictures at every position of the tabulated controls. A move of a control is answered by the
// first that covers it; if neither does, the kernel answers and this picture waits for `now`.
// Tables, plotly and the looks of plots are plots.js, which stands before this file.

const WAITING = "Waiting for the kernel: the picture is not yet what the controls say.";
const GONE = "There is no kernel any more to compute this: it was restarted, or it has ended, as it does "
  + "when the notebook is closed in another window. Load the page again, then choose Run, Run All Cells.";
const OLD = "This browser is too old to draw the picture: it has no DecompressionStream. Open the page "
  + "in Firefox 113, Chrome or Edge 80, Safari 16.4, or a newer one.";

async function render({ model, el }, views) {
  el.classList.add("kdlab-picture");
  el.innerHTML = `<div class="kdlab-buttons" role="group" aria-label="presets"></div>
    <div class="kdlab-frame" role="img"></div><p class="kdlab-sentence" aria-hidden="true"></p><p class="kdlab-spoken" aria-live="polite"></p>`;
  const [buttons, frame, sentence, spoken] = el.children;
  const complain = (text) => {
    sentence.textContent = "⚠ " + text;
    sentence.setAttribute("role", "alert");
    sentence.removeAttribute("aria-hidden");
  };
  if (!window.DecompressionStream) return complain(OLD);
  listenToAll(model.widget_manager);

  const controls = {}, tables = {};
  for (const [name, reference] of Object.entries(model.get("controls")))
    controls[name] = await modelOf(model, reference);
  const keyOf = (control) => (control.get("index") === undefined ? "value" : "index");
  const entries = Object.entries(controls);
  const places = () => Object.fromEntries(entries.map(([name, c]) => [name, c.get(keyOf(c))]));
  window.__kdlabPlotly ??= loadPlotly(model);
  window.__kdlabPlotly.catch(() => delete window.__kdlabPlotly);       // the next panel may try again
  const plotly = await window.__kdlabPlotly;
  const kernel = await modelOf(model, model.get("plotly_code")); // knows whether there is one

  let theme, width, rooms = {}, named = false, shown, drawn = [], answered, asked, resting = 0, speaking = 0, waiting = 0;
  let news = "";                                    // of a training, said before the next sentence

  function ask() {                                  // draws at once, all that changes together,
    asked = true;                                   // but no more than once a frame
    queueMicrotask(() => {
      if (!asked || resting) return;
      resting = requestAnimationFrame(() => { resting = 0; if (asked) ask(); });
      asked = false;
      draw();
    });
  }

  // Read aloud when the hand rests; while it trains, only that it runs, and how it ended.
  const isRunning = () => model.get("state") === "running";
  function speak() {
    clearTimeout(speaking);
    if (!isRunning()) speaking = setTimeout(() => {
      const text = sentence.textContent;
      frame.setAttribute("aria-label", text);
      spoken.textContent = sentence.matches(".refused") ? "" : news + text;    // refused: an alert
      news = "";
    }, 400);
  }

  function say(text, refused) {                     // seen at once
    const first = !sentence.textContent;
    sentence.textContent = refused ? "⚠ " + text : text;
    sentence.classList.toggle("refused", refused);
    if (refused) sentence.setAttribute("role", "alert");
    else sentence.removeAttribute("role");
    sentence.setAttribute("aria-hidden", !refused);
    if (first || isRunning()) frame.setAttribute("aria-label", text);
    if (!first) speak();
  }

  const isGone = () => kernel.comm_live === false;

  function tell(message) {                          // the kernel; or say that there is none
    let sent = !isGone();
    try { model.send(message); } catch { sent = false; }
    if (!sent) say(kernel.get("gone") ?? GONE, true);   // a page has words of its own
    return sent;
  }

  function wait() {                                 // the kernel is busy, dead, or missed the change
    drawn = [];
    frame.classList.add("stale");
    if (tell({ wanted: places() })) say(WAITING, false);
  }

  const titleFont = () => `${theme.layout.title.font.size}px ${theme.layout.font.family}`;
  const fits = (title) =>                           // in one line
    !wrap(title, roomOfTitle(shown.figure.layout, width), titleFont()).includes("<br>");
  function paint() {
    const { data, layout } = shown.drawn = width < NARROW ? stacked(shown.figure, width, titleFont(), rooms)
      : fits(shown.figure.layout.title?.text ?? "") ? shown.figure : shifted(shown.figure);
    frame.style.minHeight = (layout.height ?? 340) + "px";
    plotly.react(frame, data, { uirevision: 1, ...layout, template: theme }, { displayModeBar: false });
    inkCells(frame);
    if (!frame.inked) frame.inked = frame.on("plotly_afterplot", () => inkCells(frame));
  }

  function makeRoom() {                             // for the legends of a narrow picture
    if (width >= NARROW || !shown) return;
    const known = rooms;
    rooms = { across: known.across, ...roomsOf(frame) };
    if (Object.keys(rooms).some((n) => Math.abs(rooms[n] - (known[n] ?? 0)) > 4)) paint();
  }

  // A slider says what its number box shows (by itself it would say log2 T), and has a name.
  function heard(handle, box) {
    const text = box.textContent;
    if (handle.getAttribute("aria-valuetext") !== text) handle.setAttribute("aria-valuetext", text);
  }
  const hearers = [];
  function nameControls() {
    const panel = el.closest(".kdlab-panel");
    for (const control of panel?.querySelectorAll(":scope > .widget-inline-hbox") ?? []) {
      const label = control.querySelector(".widget-label")?.textContent;
      const [handle, box] = ["[role=slider]", ".widget-readout"].map((e) => control.querySelector(e));
      if (!handle || !box || box.hasAttribute("role")) continue;
      box.setAttribute("role", "textbox");
      for (const part of [handle, box]) part.setAttribute("aria-label", label);
      const hearer = new MutationObserver(() => heard(handle, box));
      hearer.observe(handle, { attributeFilter: ["aria-valuetext"] });
      hearers.push(hearer);
      heard(handle, box);
    }
    if (panel) namer.observe(panel, { childList: true });     // controls that come later
  }
  const namer = new MutationObserver(nameControls);

  function draw() {
    if (!el.isConnected) return ask();
    if (!named) named = nameControls() ?? true;
    if (!theme) {
      theme = themeOf(el, scaleOf(width = widthOf(frame)));
      if (shown) paint(), makeRoom();                           // also if it is refused or waiting now
    }
    const wanted = places();
    const covering = [tables.table, tables.now].find((t) => t && rowOf(t, wanted) >= 0);
    const table = covering ?? (tables.now !== answered && tables.now); // an answer on the way here
    answered = tables.now;
    clearTimeout(waiting);
    if (!covering) waiting = setTimeout(wait, 1500);
    if (!table) return frame.classList.add("stale");
    const n = Math.max(0, rowOf(table, wanted)), row = table.rows[n];
    frame.classList.toggle("stale", !row);          // while a pen moves on, each answer is new
    if (drawn[0] === table && drawn[1] === n && drawn[2] === theme) return;
    if (row) {                                      // else the view refused: the picture stays
      const figure = figureOf(table, row), stays = shown && drawn[2] === theme
        && frame.layout.height === shown.drawn.layout.height;                   // a resize drops it
      const changes = stays && changesOf(shown.figure, figure);
      shown = { ...shown, figure };
      let moved = false;
      const whole = changes && changes.some(([path, value]) => path.join() === "layout,title,text"
        ? ![value, shown.drawn.layout.title.text].every((title) => fits(title ?? ""))
        : width < NARROW && path[0] === "layout");
      try { moved = changes && !whole && (!changes.length || patch(plotly, frame, changes)); }
      catch {}                                      // another plotly: the whole figure
      if (!moved) paint(), makeRoom();
    }
    say(table.sentences[n], !row);
    if (!drawn.length && !tables.table) model.send("shown");           // the kernel may tabulate now
    drawn = [table, n, theme];
  }

  const turns = { now: 0, table: 0 };
  async function receive(name) {
    const turn = ++turns[name], table = await readTable(model.get(name));
    if (turn !== turns[name]) return;               // a newer one is being read
    tables[name] = table;
    if (tables.now) ask();
  }

  const undo = [() => plotly.purge(frame), () => cancelAnimationFrame(resting),
    () => clearTimeout(waiting), () => clearTimeout(speaking)];
  const listen = (to, event, f) => { to.on(event, f); undo.push(() => to.off(event, f)); };

  function addButton(text, press) {
    const button = document.createElement("button");
    button.textContent = text;
    button.onclick = press;
    buttons.append(button);
    return button;
  }
  function setControls(preset) {
    for (const [name, place] of Object.entries(preset)) {
      controls[name].set(keyOf(controls[name]), place);
      controls[name].save_changes();
    }
  }
  for (const [text, preset] of model.get("presets")) addButton(text, () => setControls(preset));
  const tellHowFar = () => { frame.dataset.filling = model.get("filling"); };  // nothing moves for it
  tellHowFar();
  listen(model, "change:filling", tellHowFar);
  if (model.get("state")) {                         // a panel of steps
    const press = { running: "pause", paused: "resume", ended: "start" };
    const button = addButton("", () => tell(press[model.get("state")]));
    const stop = addButton("Stop", () => tell("stop"));
    const label = () => {
      const state = model.get("state");
      button.textContent = { running: "Pause", paused: "Resume", ended: model.get("start") }[state];
      if (state === "ended" && document.activeElement === stop) button.focus();
      stop.disabled = state === "ended";
    };
    label();
    listen(model, "change:state", () => {
      label();
      news = { running: "Running. ", paused: "Paused. ", ended: "Ended. " }[model.get("state")];
      if (isRunning()) spoken.textContent = news;
      else if (sentence.textContent) speak();
    });
    views.add(el);
    undo.push(() => {
      views.delete(el);
      if (!views.size) try { model.send("stop"); } catch {}             // nobody looks any more
    });
  }
  listen(model, "change:now", () => receive("now"));
  listen(model, "change:table", () => receive("table"));
  for (const [, c] of entries) listen(c, "change:" + keyOf(c), ask);

  const retheme = new MutationObserver(() => { theme = null; ask(); });
  const attributeFilter = ["data-jp-theme-name", "data-jp-theme-light"];
  retheme.observe(document.body, { attributes: true, attributeFilter });
  const resize = new ResizeObserver(() => {
    if (!drawn.length || !frame.offsetWidth) return;
    const now = widthOf(frame);
    if (scaleOf(now) !== scaleOf(width) || (Math.min(now, width) < NARROW && now !== width)) {
      theme = null;
      ask();
    }
    plotly.Plots.resize(frame)?.then(makeRoom);
  });
  resize.observe(frame);
  const keepKeys = ({ target }) => {                // else JupyterLab takes the arrow keys
    if (target.closest?.(".kdlab-panel")) target.dataset.lmSuppressShortcuts = "true";
  };
  document.addEventListener("focusin", keepKeys);
  undo.push(() => [namer, ...hearers].forEach((one) => one.disconnect()),
    () => retheme.disconnect(), () => resize.disconnect(),
    () => document.removeEventListener("focusin", keepKeys));
  await Promise.all([receive("now"), receive("table")]);
  return () => undo.forEach((f) => f());
}
export default () => {
  const views = new Set();                          // of one picture; each has a `model` of its own
  return { render: (view) => render(view, views) };
};
