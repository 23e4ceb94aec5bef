// The pages' own script: it draws the widgets of a notebook that was run, without a kernel.
//
// widgets.py has put into the page what each widget was, {id: state}, and widgets.js holds the course's
// own scripts, kdlabModules. A Model here is as much of ipywidgets' as they use.

const KERNEL = "This page runs no Python, so it cannot compute this. Reset brings back what is known here; "
  + "in Jupyter the notebook computes all.";
const TRAINS = ["This page runs no Python, so nothing trains here: you see how the training ended. "
  + "To train it yourself, ", "open this notebook in Jupyter", "."];
const TRAINS_NEITHER = "Nothing trains here: you see how it ended.";
const THIS_CONTROL = "moves in Jupyter only";
const DRAWING = "A drawing of your own is answered in Jupyter only: the buttons show what is known here.";
const kernel = { comm_live: false, get: (name) => (name === "gone" ? KERNEL : undefined) };

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// ---- models --------------------------------------------------------------------------------------

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

function makeModel(state, manager) {
  const { bytes = {}, ...values } = state, heard = new Map();
  for (const [name, base64] of Object.entries(bytes)) values[name] = bytesOf(base64);
  values.layout ??= kernel;                         // of ipywidgets: a model that knows whether there is one
  const tell = (event) => [...heard.get(event) ?? []].forEach((hear) => hear());
  const model = {
    widget_manager: manager,
    get: (name) => values[name],
    set(name, value) {
      if (values[name] === value) return;
      values[name] = value;
      tell("change:" + name);
    },
    on(event, hear) { heard.set(event, [...heard.get(event) ?? [], hear]); },
    off(event, hear) { heard.set(event, (heard.get(event) ?? []).filter((one) => one !== hear)); },
    save_changes() {},
    send() {},                                      // nobody is there
  };
  return model;
}

function readModels() {
  const states = JSON.parse(document.getElementById("models")?.textContent ?? "{}"), models = {};
  const manager = { get_model: async (id) => models[id] };
  for (const [id, state] of Object.entries(states))
    models[id] = state.widget === "kernel" ? kernel : makeModel(state, manager);
  return models;
}

// ---- controls ------------------------------------------------------------------------------------

let named = 0;

// A row of a label and its input; `needsKernel` says so and cannot be moved.
function labelled(model, input, ...more) {
  const row = make("div", { className: "control" }), id = input.id = `control-${++named}`;
  row.append(make("label", { htmlFor: id, textContent: model.get("label") }), input, ...more);
  if (model.get("needsKernel")) {
    const note = make("span", { className: "hint", id: id + "-hint", textContent: THIS_CONTROL });
    input.disabled = true;
    input.setAttribute("aria-describedby", note.id);
    row.append(note);
  }
  return row;
}

// Where the slider stands among its positions; floats of the kernel and of the browser may differ in the last digits.
function placeOf(model, key) {
  const places = model.get("places"), value = model.get(key);
  const far = places.map((place) => Math.abs(place - value));
  return far.indexOf(Math.min(...far));
}

function drawSlider(model) {
  const key = model.get("index") === undefined ? "value" : "index";
  const places = model.get("places"), texts = model.get("texts");
  const scale = model.get("needsKernel") ? { max: 1, step: "any" } : { max: Math.max(places.length - 1, 1), step: 1 };
  const input = make("input", { type: "range", min: 0, ...scale });
  const output = make("output", {});
  const follow = () => {
    const at = placeOf(model, key);
    input.value = model.get("needsKernel") ? model.get("share") : at;
    output.textContent = texts[at];
    input.setAttribute("aria-valuetext", texts[at]);
  };
  input.oninput = () => model.set(key, places[input.value]);
  model.on("change:" + key, follow);
  follow();
  const row = labelled(model, input, output);
  output.htmlFor = input.id;
  output.setAttribute("aria-live", "off");          // the slider says its value itself
  return row;
}

function drawSelect(model) {
  const places = model.get("places");
  const options = model.get("texts").map((text, n) => make("option", { value: n, textContent: text }));
  const input = make("select", {}, ...options);
  const follow = () => { input.value = places.indexOf(model.get("index")); };
  input.onchange = () => model.set("index", places[input.value]);
  model.on("change:index", follow);
  follow();
  return labelled(model, input);
}

function drawTick(model) {
  const input = make("input", { type: "checkbox" });
  const follow = () => { input.checked = model.get("value"); };
  input.onchange = () => model.set("value", input.checked);
  model.on("change:value", follow);
  follow();
  return labelled(model, input);
}

const textOf = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent.trim();

function drawProgress(model) {
  return make("progress", { max: model.get("max"), value: model.get("value"), ariaLabel: "done" });
}

// ---- widgets -------------------------------------------------------------------------------------

async function drawModule(model) {
  const el = make("div", {}), made = kdlabModules[model.get("module")];
  const widget = typeof made === "function" ? await made() : made;
  const drawn = Promise.resolve(widget.render({ model, el }));
  drawn.then(() => afterwards(model, el), (error) => console.error(error));
  const hint = el.classList.contains("kdlab-pad") ? DRAWING : THIS_CONTROL;
  if (model.get("needsKernel")) el.append(make("p", { className: "hint", textContent: hint }));
  return el;
}

// A training that is over stays over.
function afterwards(model, el) {
  if (!model.get("state")) return;
  for (const button of el.querySelectorAll("button")) button.disabled = true;
}

// In full once a page, then short.
let trainings = 0;
function noteOnTraining() {
  const [before, link, after] = TRAINS;
  const words = [before, make("a", { href: "index.html#jupyter", textContent: link }), after];
  return make("p", { className: "without" }, ...(trainings++ ? [TRAINS_NEITHER] : words));
}

async function drawBox(model, models) {
  const box = make("div", { className: ["box", model.get("widget"), ...model.get("_dom_classes")].join(" ") });
  const children = model.get("children").map((reference) => models[reference.replace("IPY_MODEL_", "")]);
  const trains = children.some((child) => child.get("state"));
  for (const child of children) {
    const drawn = await draw(child, models);
    if (trains) {
      drawn.querySelectorAll("input, select, button").forEach((input) => { input.disabled = true; });
      drawn.querySelectorAll(".hint").forEach((hint) => hint.remove());   // the note says it for all
    }
    box.append(drawn);
  }
  if (trains) box.prepend(noteOnTraining());
  return box;
}

const kinds = { slider: drawSlider, select: drawSelect, tick: drawTick, progress: drawProgress,
  html: (model) => make("span", { textContent: textOf(model.get("value")) }),
  module: drawModule, row: drawBox, column: drawBox };

const draw = async (model, models) => kinds[model.get("widget")](model, models);

// plotly.js is large: asked for by the first picture, once.
const loadPlotly = () => new Promise((done, failed) => {
  const script = make("script", { src: "assets/plotly.min.js", onload: () => done(window.Plotly) });
  script.onerror = () => failed(new Error("assets/plotly.min.js is missing beside this page"));
  document.head.append(script);
});

async function drawIn(part, models) {
  for (const place of part.querySelectorAll("[data-model]")) {
    if (place.firstChild || place.closest("[hidden]")) continue;      // drawn; or when it opens
    place.append(await draw(models[place.dataset.model], models));
    await new Promise(requestAnimationFrame);       // the page stays alive in between
  }
}

// What a cell put out between a prediction and its result would tell: it opens, and is drawn, with
// the result (pages.py knows which). Without this script nothing is hidden.
function fold(part, models) {
  const pairs = part.dataset.after.split(" ").map((id) => models[id])
    .map((result) => [result, models[result.get("prediction").replace("IPY_MODEL_", "")]]);
  const isKnown = ([result, prediction]) => result.get("opened") || prediction.get("committed").length > 0;
  const button = make("button", { type: "button", textContent: "Show it without a prediction" });
  const line = make("p", { className: "fold" }, "Predict first, then look. ", button);
  const open = () => {
    if (!part.hidden || !pairs.every(isKnown)) return;
    part.hidden = false;
    line.remove();
    return drawIn(part, models).then(reachable);
  };
  button.onclick = () => {
    for (const pair of pairs) if (!isKnown(pair)) pair[0].set("opened", true);
    part.tabIndex = -1;                             // the button is gone: the keyboard goes on from here
    part.focus({ preventScroll: true });
  };
  for (const [result, prediction] of pairs) {
    result.on("change:opened", open);
    prediction.on("change:committed", open);
  }
  part.hidden = true;
  if (part.previousElementSibling?.dataset.after !== part.dataset.after) part.before(line);
}

async function drawAll() {
  const models = readModels();
  for (const part of document.querySelectorAll("[data-after]")) fold(part, models);
  if (document.querySelector("[data-model]")) window.__kdlabPlotly = loadPlotly();
  await drawIn(document, models);
}

// ---- the page ------------------------------------------------------------------------------------

// `jpThemeLight` is what the course's scripts listen to, in JupyterLab as here.
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.body.dataset.jpThemeLight = String(theme === "light");
  themeButton.setAttribute("aria-pressed", theme === "dark");
}

const themeButton = document.getElementById("theme");
themeButton.hidden = false;
setTheme(document.documentElement.dataset.theme);
themeButton.onclick = () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  setTheme(theme);
  try { localStorage.setItem("kdlab-theme", theme); } catch {}
};
matchMedia("(prefers-color-scheme: dark)").onchange = ({ matches }) => setTheme(matches ? "dark" : "light");
let before;
addEventListener("beforeprint", () => { before = document.documentElement.dataset.theme; setTheme("light"); });
addEventListener("afterprint", () => setTheme(before));

// The sections: at the side where there is room, else folded above the text.
const contents = document.querySelector(".contents details");
if (contents) contents.open = matchMedia("(min-width: 90rem)").matches;

// What is too wide scrolls, also by keyboard.
function reachable() {
  for (const part of document.querySelectorAll(".wide, .code, .output, main pre, .formula"))
    if (part.scrollWidth > part.clientWidth + 1) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
}
addEventListener("resize", reachable);
reachable();
drawAll().then(() => { document.documentElement.dataset.drawn = "true"; reachable(); });
