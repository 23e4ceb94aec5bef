// What panels.js stands on: tables of pictures, plotly and its looks. One module with it: panel.py.

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

// [[path, value], ...] of all that differs in the second figure; null where it has no value.
function changesOf(before, after, path = []) {
  const traces = path.length === 1 && path[0] === "data";
  const isNode = (value) => value && typeof value === "object" && (traces || !Array.isArray(value));
  if (before === after) return [];
  if (!isNode(before) || !isNode(after))
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [[path, after ?? null]];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
    changesOf(before[key], after[key], [...path, traces ? Number(key) : key]));
}

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

// anywidget waits two seconds for a model's script. Where it came later, as in a browser that is busy,
// the model heard nothing of its kernel, for ever: it listens by itself, and asks what it has missed.
function listenToAll(manager) {
  for (const known of Object.values(manager._models ?? {})) known.then((model) => {
    if (model.get("_model_module") !== "anywidget" || model.listens) return;
    model.listens = model._handle_comm_msg({ content: { data: {} } }).catch(() => {
      const { _handle_comm_msg } = Object.getPrototypeOf(Object.getPrototypeOf(model));
      model.comm.on_msg(_handle_comm_msg.bind(model));
      model.comm.send({ method: "request_state" });
    });
  }).catch(() => {});                               // another page's widgets: they are left alone
}

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

// Numbers on the cells of a heat map in black or white, whichever is further from its cell: plotly's
// own choice, white or a dark grey, is faint on many. Its d3 keeps what a text stands for.
function inkCells(frame) {
  for (const map of frame.querySelectorAll("g.hm")) {
    const { colorscale, zmin, zmax } = map.__data__[0].trace;
    for (const text of map.querySelectorAll("text")) {
      const at = Math.min(1, Math.max(0, (text.__data__.z - zmin) / (zmax - zmin)));
      const n = Math.max(1, colorscale.findIndex(([place]) => place >= at));
      const [[low, one], [high, other]] = colorscale.slice(n - 1, n + 1);
      const light = [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
        const [a, b] = [one, other].map((hex) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16) / 255);
        return sum + share * (a + (b - a) * (at - low) / (high - low)) ** 2.2;
      }, 0);
      text.style.fill = light > 0.18 ? "#000" : "#fff";
    }
  }
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

const linesOf = (text) => text.split("<br>").length;

// What a title may be long: it begins where the axes do, and below each other all begin at the left.
const roomOfTitle = ({ margin, title }, width) =>
  width - (width >= NARROW && title?.xref === "paper" ? (margin?.l ?? 60) + 4 : 24);

// The figure with a title that is longer, beginning further to the left.
const shifted = ({ data, layout }) =>
  ({ data, layout: { ...layout, title: { ...layout.title, xref: "paper", x: 1, xanchor: "right" } } });

// The figure with its parts, which stand in a row, one above the other. `rooms[n]` is the height of
// the n-th legend, which stands over its part, and `rooms.across` what a title below an axis has.
function stacked({ data, layout }, width, font, rooms) {
  const { t, b: below } = { t: 56, b: 60, ...layout.margin };
  const parts = Object.keys(layout).filter((key) => key.startsWith("xaxis")).map((key) => {
    const n = key.slice(5);
    return { n, from: layout[key].domain?.[0] ?? 0, room: rooms[n] ?? 0 };
  });
  layout.images?.forEach((image, i) => {
    if (image.xref === "paper") parts.push({ i, from: image.x, room: 0 });
  });
  if (!parts.length) parts.push({ n: "", from: 0, room: rooms[""] ?? 0 });   // plotly's own axes
  parts.sort((one, other) => one.from - other.from);
  const title = wrap(layout.title?.text ?? "", width - 24, font);
  const under = Object.fromEntries(parts.map(({ n }) => [n, layout["xaxis" + n]?.title?.text])
    .filter(([, text]) => text).map(([n, text]) => [n, wrap(text, rooms.across ?? Infinity, font)]));
  const b = below + 20 * (Math.max(1, ...Object.values(under).map(linesOf)) - 1);
  const top = 26 * linesOf(title) + 20 + parts[0].room;
  const part = (layout.height ?? 340) - t - below, sum = (all) => all.reduce((a, c) => a + c, 0);
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
    if (under[n]) flat["xaxis" + n].title = { ...layout["xaxis" + n].title, text: under[n] };
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

// {number of a legend: the height it takes}, and `across` where a title is longer than its axis.
function roomsOf(frame) {
  const named = (start, name) => [...frame.querySelectorAll(`[class^=${start}]`)]
    .filter((e) => name.test(e.className.baseVal));
  const across = frame._fullLayout._size.w;
  const tooLong = named("x", /^x\d*title$/).some((e) => e.getBBox().width > across);
  return Object.fromEntries([...named("legend", /^legend\d*$/)
    .map((e) => [e.className.baseVal.slice(6), Math.ceil(e.getBBox().height)]),
    ...(tooLong ? [["across", across]] : [])]);
}

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
  frame.once("plotly_transitioning", () => queueMicrotask(() => {
    modules.forEach((module) => module.name === "bar" && module.style(frame));
    inkCells(frame);
  }));
  const atOnce = { transition: { duration: 0 }, frame: { duration: 0, redraw: false }, mode: "immediate" };
  plotly.animate(frame, draw, atOnce).catch(() => {});         // given up for a newer one
  return true;
}

// ---- the picture ---------------------------------------------------------------------------------
