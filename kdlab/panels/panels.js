// The picture of a panel: it answers the controls from tables of pictures, without the kernel.
//
// The kernel sends two tables (table.py): `now`, its last answer, one picture; and `table`, the
// pictures at every position of the tabulated controls. A move of a control is answered by the
// first that covers it; if neither does, the kernel answers and this picture waits for `now`.

// ---- tables ------------------------------------------------------------------------------------

const unzip = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();

// `node` with `value` at `path`. What lies off the path is shared, not copied: plotly compares
// by identity and leaves alone what has not changed.
function put(node, path, value, depth = 0) {
  if (depth === path.length) return value;
  const key = path[depth];
  const copy = Array.isArray(node) ? [...node] : node ? { ...node } : Number.isInteger(key) ? [] : {};
  copy[key] = put(copy[key], path, value, depth + 1);
  return copy;
}

async function readTable(bytes) {
  if (!bytes?.byteLength) return null;
  const table = JSON.parse(await unzip(bytes));
  table.figure = table.first.reduce((figure, [path, n]) => put(figure, path, table.values[n]), {});
  return table;
}

// The row for these places of the controls; -1 if the table does not cover them. Floats of the
// kernel and of the browser may differ in the last digits.
function rowOf(table, places) {
  let row = 0;
  for (const [name, axis] of Object.entries(table.axes)) {
    const slack = 1e-6 * (Math.abs(axis[0]) + Math.abs(axis.at(-1)));
    const at = axis.findIndex((v) => v === places[name] || Math.abs(v - places[name]) < slack);
    if (at < 0) return -1;
    row = row * axis.length + at;
  }
  return row;
}

const figureOf = (table, row) =>
  table.paths.reduce((figure, path, i) => put(figure, path, table.values[row[i]]), table.figure);

// ---- plotly --------------------------------------------------------------------------------------

// plotly.js, once per page: the page's own; else JupyterLab's, which it has downloaded for plots
// of its own and which one hidden empty plot wakes; else the kernel's, when asked.
async function loadPlotly(model) {
  if (window.Plotly) return window.Plotly;
  try {
    const extension = await window._JUPYTERLAB["jupyterlab-plotly"].get("./mimeExtension");
    const { rendererFactory, MIME_TYPE } = extension();
    const hidden = rendererFactory.createRenderer({ mimeType: MIME_TYPE });
    const data = { [MIME_TYPE]: { data: [], layout: {} } };
    await hidden.renderModel({ data, metadata: {}, setData() {} });
    hidden.dispose();
  } catch {}                                        // not JupyterLab, or without the extension
  if (window.Plotly) return window.Plotly;
  const owner = await modelOf(model, model.get("plotly_code"));
  if (!owner.get("code").byteLength) {
    const arrived = new Promise((done) => owner.once("change:code", done));
    owner.send("plotly.js, please");
    await arrived;
  }
  new Function("define", await unzip(owner.get("code")))();     // hidden from AMD loaders
  return window.Plotly;
}

const modelOf = (model, reference) =>
  model.widget_manager.get_model(reference.replace("IPY_MODEL_", ""));

// Below this width (a small window, or a page at 200 %) the parts of a picture stand one above the
// other, and text keeps its size; above it text is 14 pt, or a little less.
const NARROW = 800;
const widthOf = (frame) => frame.offsetWidth || 1000;
const scaleOf = (width) => (width < NARROW ? 0.9 : Math.min(1, width / 1000));

// Text and lines in the colour of the page's text, on the page's own background.
function themeOf(el, scale) {
  const { color, fontFamily: family } = getComputedStyle(el);
  const small = { size: 16 * scale }, size = 18.67 * scale;
  const [r, g, b] = color.match(/[\d.]+/g), faint = `rgba(${r},${g},${b},0.18)`, clear = "rgba(0,0,0,0)";
  const axis = { gridcolor: faint, zerolinecolor: faint, linecolor: faint, automargin: true,
    ticklabelstandoff: 5, tickfont: small, title: { font: { size }, standoff: 10 } };
  const colorway = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]; // Okabe-Ito
  return { layout: { colorway,
    font: { color, family, size }, title: { font: { size: 20 * scale }, x: 0.5, xanchor: "center" },
    legend: { font: small, bgcolor: clear }, hoverlabel: { font: small },
    xaxis: axis, yaxis: axis, paper_bgcolor: clear, plot_bgcolor: clear,
    margin: { l: 60, r: 20, t: 50, b: 55 }, height: 340, dragmode: false,
    annotationdefaults: { arrowcolor: color, font: small },
    shapedefaults: { line: { color } } } };
}

// ---- narrow pages --------------------------------------------------------------------------------

const pen = document.createElement("canvas").getContext("2d");

// The text in as many lines as it needs.
function wrap(text, width, font) {
  pen.font = font;
  return text.split(" ").reduce((lines, word) =>
    pen.measureText(lines.split("<br>").at(-1) + " " + word).width < width
      ? lines + " " + word : lines + "<br>" + word);
}

// The figure with its parts, which stand in a row, one above the other. `rooms[n]` is the height of
// the n-th legend, which stands over its part.
function stacked({ data, layout }, width, font, rooms) {
  const { t, b } = { t: 56, b: 60, ...layout.margin };
  const parts = Object.keys(layout).filter((key) => key.startsWith("xaxis")).map((key) => {
    const n = key.slice(5);
    return { n, from: layout[key].domain?.[0] ?? 0, room: rooms[n] ?? 0 };
  });
  layout.images?.forEach((image, i) => {
    if (image.xref === "paper") parts.push({ i, from: image.x, room: 0 });
  });
  parts.sort((one, other) => one.from - other.from);
  const title = wrap(layout.title?.text ?? "", width - 24, font);
  const top = 26 * title.split("<br>").length + 20 + parts[0].room;
  const part = (layout.height ?? 340) - t - b, sum = (all) => all.reduce((a, c) => a + c, 0);
  const paper = parts.length * (part + b) - b + sum(parts.slice(1).map(({ room }) => room));
  const height = paper + top + b;                    // the left margin grows with the names on it
  const flat = { ...layout, height, margin: { l: 12, r: 12, b, t: top },
    images: [...(layout.images ?? [])],
    title: { ...layout.title, text: title, xref: "container", x: 0.01, xanchor: "left",
      y: 1 - 18 / height, yanchor: "top" } };
  const domains = {};
  let y = paper;
  for (const { n, i, room } of parts) {
    if (y < paper) y -= b + room;
    const domain = domains[n] = [Math.max(0, (y - part) / paper), y / paper];
    y -= part;
    if (i !== undefined) {
      flat.images[i] = { ...layout.images[i], x: 0, sizex: 1, y: domain[1], sizey: part / paper };
      continue;
    }
    flat["xaxis" + n] = { ...layout["xaxis" + n], domain: [0, 1] };
    flat["yaxis" + n] = { ...layout["yaxis" + n], domain };
    if (layout["yaxis" + n]?.visible !== false) flat["yaxis" + n].showticklabels = true;
    if (layout["legend" + n]) flat["legend" + n] = { ...layout["legend" + n], x: 0, y: domain[1] };
  }
  const barred = data.map((trace) => {
    const [low, high] = domains[(trace.xaxis ?? "x").slice(1)] ?? [0, 1];
    const place = { y: (low + high) / 2, len: high - low };
    return trace.colorbar ? { ...trace, colorbar: { ...trace.colorbar, ...place } } : trace;
  });
  return { data: barred, layout: flat };
}

// {number of a legend: the height it takes}
const roomsOf = (frame) => Object.fromEntries([...frame.querySelectorAll("g[class^=legend]")]
  .filter((e) => /^legend\d*$/.test(e.className.baseVal))
  .map((e) => [e.className.baseVal.slice(6), Math.ceil(e.getBBox().height)]));

// ---- a move that leaves axes and legend alone ----------------------------------------------------

// What plotly draws anew of each kind of trace without them (heat maps too, see `patch`).
const ALONE = {
  scatter: /^(x|y|text|customdata|marker\.(size|color|symbol|opacity))$/,
  bar: /^(x|y|customdata|marker\.(color|opacity))$/,
  heatmap: /^(z|text|customdata)$/,
};

// The element of layout.title.text or layout.xaxis2.title.text.
const titleAt = (frame, path) => /^(.+,)?title,text$/.test(path) &&
  frame.querySelector(`.${path.length > 2 ? path[0].replace("axis", "") : "g"}title`);

// May this path get this value while axes, legend and margins stay?
function staysWithin(frame, [part, ...path], value) {
  const { _fullLayout: layout, _fullData: traces } = frame;
  if (part === "layout" && path[0] === "images")               // on axes: the others are not redrawn
    return value?.length === layout.images.length && value.every((i) => (i.xref ?? "paper") !== "paper");
  if (part === "layout") return titleAt(frame, path) && /^[^\s<>&${}][^\n<>&${}]*$/.test(value);
  const trace = traces[path[0]], key = path.slice(1).join(".");
  if (trace.visible !== true || !ALONE[trace.type].test(key)) return false;
  if (key === "z") return trace.zauto === false;               // else the colour bar changes
  if (key.startsWith("marker.")) return !(layout.showlegend && trace.showlegend && trace.type === "scatter");
  if (key !== "x" && key !== "y") return true;
  const axis = layout[trace[key + "axis"].replace(/^./, "$&axis")];
  if (axis.autorange || !/^(linear|log)$/.test(axis.type) || !value?.length) return false;
  // New bars, bars without gaps and bars with words on them come out a little differently.
  return trace.type !== "bar" || (value.length === trace[key]?.length && layout.bargap > 0 && !trace.text);
}

// Draws the changes, [[path, value], ...], as `react` would, in a third of its time: most of that
// goes to axes, legend and margins, which `animate` leaves alone. False, and nothing is done, if
// they change, too.
function patch(plotly, frame, changes) {
  const { _fullLayout: layout, _fullData: traces } = frame;
  if (Math.abs(frame.offsetWidth - layout.width) >= 1) return false;   // a resize is under way
  if (!traces.every(({ type }) => ALONE[type])) return false;
  if (!changes.every(([path, value]) => staysWithin(frame, path, value))) return false;
  const modules = new Set(traces.map((trace) => trace._module)), draw = { traces: traces.map((_, n) => n) };
  draw.data = draw.traces.map(() => ({}));                     // all: those not named would be removed
  for (const [[part, ...path], value] of changes) {
    frame[part] = put(frame[part], path, value);
    const title = part === "layout" && titleAt(frame, path);
    if (title) title.textContent = title.dataset.unformatted = value.trim();
    else if (part === "layout") draw.layout = {};              // images
  }
  // Beyond plotly's own interface: heat maps are drawn although they cannot move gradually, and
  // bars get their colours, once they are drawn: in the task that begins with this event.
  for (const module of modules) module.animatable = true;
  frame.once("plotly_transitioning", () => queueMicrotask(() =>
    modules.forEach((module) => module.name === "bar" && module.style(frame))));
  const atOnce = { transition: { duration: 0 }, frame: { duration: 0, redraw: false }, mode: "immediate" };
  plotly.animate(frame, draw, atOnce).catch(() => {});         // given up for a newer one
  return true;
}

// ---- the picture ---------------------------------------------------------------------------------

const WAITING = "Waiting for the kernel: the picture is not yet what the controls say.";
const GONE = "There is no kernel any more to compute this: it was restarted, or it has ended, as it does "
  + "when the notebook is closed in another window. Load the page again, then choose Run, Run All Cells.";
const OLD = "This browser is too old to draw the picture: it has no DecompressionStream. Open the page "
  + "in Firefox 113, Chrome or Edge 80, Safari 16.4, or a newer one.";

async function render({ model, el }) {
  el.classList.add("kdlab-picture");
  el.innerHTML = `<div class="kdlab-buttons"></div><div class="kdlab-frame" role="img"></div>
    <p class="kdlab-sentence" aria-hidden="true"></p><p class="kdlab-spoken" aria-live="polite"></p>`;
  const [buttons, frame, sentence, spoken] = el.children;
  const complain = (text) => {
    sentence.textContent = "⚠ " + text;
    sentence.setAttribute("role", "alert");
    sentence.removeAttribute("aria-hidden");
  };
  if (!window.DecompressionStream) return complain(OLD);

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

  function ask() {                                  // draws at once, all that changes together,
    asked = true;                                   // but no more than once a frame
    queueMicrotask(() => {
      if (!asked || resting) return;
      resting = requestAnimationFrame(() => { resting = 0; if (asked) ask(); });
      asked = false;
      draw();
    });
  }

  function say(text, refused) {                     // seen at once; read aloud when the hand rests
    const first = !sentence.textContent;
    sentence.textContent = refused ? "⚠ " + text : text;
    sentence.classList.toggle("refused", refused);
    if (refused) sentence.setAttribute("role", "alert");
    else sentence.removeAttribute("role");
    sentence.setAttribute("aria-hidden", !refused);
    if (first) frame.setAttribute("aria-label", text);
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      frame.setAttribute("aria-label", text);
      if (!first) spoken.textContent = refused ? "" : text;
    }, 400);
  }

  const isGone = () => kernel.comm_live === false;

  function tell(message) {                          // the kernel; or say that there is none
    let sent = !isGone();
    try { model.send(message); } catch { sent = false; }
    if (!sent) say(GONE, true);
    return sent;
  }

  function wait() {                                 // the kernel is busy, dead, or missed the change
    drawn = [];
    if (tell({ wanted: places() })) say(WAITING, false);
  }

  function paint() {
    const { data, layout } = shown.drawn = width >= NARROW ? shown.figure
      : stacked(shown.figure, width, `${theme.layout.title.font.size}px ${theme.layout.font.family}`, rooms);
    frame.style.minHeight = (layout.height ?? 340) + "px";
    plotly.react(frame, data, { uirevision: 1, ...layout, template: theme }, { displayModeBar: false });
  }

  function makeRoom() {                             // for the legends of a narrow picture
    if (width >= NARROW || !shown) return;
    const known = rooms;
    rooms = roomsOf(frame);
    if (Object.keys(rooms).some((n) => Math.abs(rooms[n] - (known[n] ?? 0)) > 4)) paint();
  }

  // A slider says what its number box shows (by itself it would say log2 T), and has a name.
  const namer = new MutationObserver(nameControls);
  function nameControls() {
    const panel = el.closest(".kdlab-panel");
    for (const control of panel?.querySelectorAll(":scope > .widget-inline-hbox") ?? []) {
      const label = control.querySelector(".widget-label")?.textContent;
      const [handle, box] = ["[role=slider]", ".widget-readout"].map((e) => control.querySelector(e));
      if (!handle || !box) continue;
      box.setAttribute("role", "textbox");
      for (const part of [handle, box]) part.setAttribute("aria-label", label);
      if (handle.getAttribute("aria-valuetext") !== box.textContent)
        handle.setAttribute("aria-valuetext", box.textContent);
      namer.observe(control, { subtree: true, attributeFilter: ["aria-valuetext"] });
    }
    if (panel) namer.observe(panel, { childList: true });     // controls that come later
  }

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
    frame.classList.toggle("stale", !covering || !row);
    if (drawn[0] === table && drawn[1] === n && drawn[2] === theme) return;
    if (row) {                                      // else the view refused: the picture stays
      const before = drawn[2] === theme && shown?.table === table
        && frame.layout.height === shown.drawn.layout.height && shown.row;      // a resize drops it
      shown = { ...shown, table, row, figure: figureOf(table, row) };
      const changes = before && table.paths.map((path, i) => [path, table.values[row[i]]])
        .filter((_, i) => row[i] !== before[i]);
      let moved = false;
      const whole = changes && width < NARROW && changes.some(([[part]]) => part === "layout");
      try { moved = changes && !whole && (!changes.length || patch(plotly, frame, changes)); }
      catch {}                                      // another plotly: the whole figure
      if (!moved) paint(), makeRoom();
    }
    say(table.sentences[n], !row);
    if (!drawn.length && !tables.table) model.send("shown");           // the kernel may tabulate now
    drawn = [table, n, theme];
  }

  async function receive(name) {
    const bytes = model.get(name), table = await readTable(bytes);
    if (bytes !== model.get(name)) return;          // a newer one is being read
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
  if (model.get("state")) {                         // a panel of steps
    const press = { running: "pause", paused: "resume", ended: "start" };
    const button = addButton("", () => tell(press[model.get("state")]));
    const stop = addButton("Stop", () => tell("stop"));
    const label = () => {
      const state = model.get("state");
      button.textContent = { running: "Pause", paused: "Resume", ended: model.get("start") }[state];
      stop.disabled = state === "ended";
    };
    label();
    listen(model, "change:state", label);
    model.kdlabViews = (model.kdlabViews ?? 0) + 1;
    undo.push(() => {                               // nobody looks any more
      if (--model.kdlabViews === 0) try { model.send("stop"); } catch {}
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
  undo.push(() => namer.disconnect(), () => retheme.disconnect(), () => resize.disconnect(),
    () => document.removeEventListener("focusin", keepKeys));
  await Promise.all([receive("now"), receive("table")]);
  return () => undo.forEach((f) => f());
}
export default { render };
