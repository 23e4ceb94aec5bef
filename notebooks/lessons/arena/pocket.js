// A student that lives in the page: a pad, what the student says of a drawing, and what its teacher says.
//
// pad.js (`makePad`) and student.js (`readNet`, `answer`) stand before this file. The student answers here,
// at every stroke. The teacher, if there is one, is somewhere else: `ask` and `gone` are its ways there.

const PATIENCE = 2000, REST = 500;          // milliseconds without an answer; of stillness, before it is read aloud
const TIMED = 15;                           // so many answers have their time in a median
const GONE = "There is no kernel any more; the student needs none: go on drawing.";
const SILENT = "No answer from the kernel for two seconds, be it busy or gone; the student needs none: go on drawing.";

const pixelsOf = (value) => Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
const valueOf = (pixels) => btoa(String.fromCharCode(...pixels));
const firstOf = (probs) => probs.indexOf(Math.max(...probs));

function softmax(logits) {
  const highest = Math.max(...logits), powers = Array.from(logits, (logit) => Math.exp(logit - highest));
  const sum = powers.reduce((one, other) => one + other);
  return powers.map((power) => power / sum);
}

function part(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// What one of the two says: ten bars, a word instead of them, bytes, and the median of its last times.
function makeSpeaker(name, bytes, where) {
  const el = part("section", `kdlab-speaker kdlab-${name.toLowerCase()}`), bars = part("div", "kdlab-bars");
  const said = part("p", "kdlab-said"), costs = part("p", "kdlab-costs"), times = where.map(() => []);
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = part("div", "kdlab-bar"), bar = part("i", ""), share = part("span", "");
    row.append(part("b", "", digit), bar, share);
    bar.append(part("i", ""));
    return { row, bar: bar.firstChild, share };
  });
  el.setAttribute("aria-label", name);
  bars.setAttribute("role", "img");
  bars.append(...rows.map(({ row }) => row));
  el.append(part("h3", "", name), bars, said, costs);

  function show(probs) {                    // null: there is no answer
    const order = probs && [...probs.keys()].sort((one, other) => probs[other] - probs[one]);
    const [first, second] = (order ?? []).map((digit) => `${digit} with ${probs[digit].toFixed(2)}`);
    bars.setAttribute("aria-label", probs ? `${name}: ${first}, then ${second}.` : `${name}: no answer.`);
    rows.forEach(({ row, bar, share }, digit) => {
      bar.style.width = `${100 * (probs?.[digit] ?? 0)}%`;
      share.textContent = probs?.[digit].toFixed(2) ?? "";
      row.classList.toggle("kdlab-first", digit === order?.[0]);
    });
  }
  function say(text) {                      // in one sentence, why there is no answer
    said.textContent = text;
    if (text) show(null);
  }
  function time(...took) {
    times.forEach((all, n) => { all.unshift(took[n]); all.length = Math.min(all.length, TIMED); });
    const medians = times.map((all) => [...all].sort((a, b) => a - b)[all.length >> 1]);
    const words = medians.map((median, n) => `${median.toFixed(1)} ms ${where[n]}`);
    costs.textContent = `${bytes.toLocaleString("en")} bytes` + (took.length ? `, ${words.join(", ")}` : "");
  }
  costs.textContent = `${bytes.toLocaleString("en")} bytes`;
  show(null);
  return { el, show, say, time };
}

// The pad and who speaks. `student` is the text of its file; `refused` says of each value that is no image what
// is said instead; `examples` are [name, value]. `teacher`: { bytes, ask(value) -> { probs, ms }, gone() }.
function makePocket(el, { student, refused, examples, teacher }) {
  el.classList.add("kdlab-pocket");
  el.dataset.lmSuppressShortcuts = "true";  // else JupyterLab takes the keys
  const paper = part("div", ""), tries = part("div", "kdlab-tries"), speakers = part("div", "kdlab-speakers");
  const told = part("p", "kdlab-told"), spoken = part("p", "kdlab-spoken");
  spoken.setAttribute("aria-live", "polite");
  tries.setAttribute("role", "group");
  tries.setAttribute("aria-label", "real digits, to try without a pen");

  const own = makeSpeaker("Student", student.length, ["in this page"]);
  const other = teacher && makeSpeaker("Teacher", teacher.bytes, ["in the kernel", "there and back"]);
  speakers.append(own.el, ...(other ? [other.el] : []));
  let net, wanted = "", answered, asking = false, drawing = {}, drawn = 0, agreed = 0, speaking = 0;
  try { net = readNet(student); } catch (error) { own.say(error.message); }

  function tell(text) {                     // seen at once; read aloud when the hand rests
    told.textContent = text;
    clearTimeout(speaking);
    const heard = [...speakers.querySelectorAll("[role=img]")].map((bars) => bars.getAttribute("aria-label"));
    speaking = setTimeout(() => { spoken.textContent = wanted in refused ? text : [...heard, text].join(" "); }, REST);
  }

  function compare(drawing, same) {         // a drawing counts once, as it stands at its end
    if (drawing.same === undefined) drawn += 1;
    agreed += same - (drawing.same ?? 0);
    drawing.same = same;
    tell(`${same ? "Same first answer" : "They differ"}. So far they agree on ${agreed} of ${drawn} drawings.`);
  }

  async function consult() {                // one question at a time, and meanwhile only the last drawing is kept
    if (teacher.gone()) return other.say(GONE);
    if (asking || wanted in refused) return;
    const value = wanted, mine = drawing, first = answered, started = performance.now();
    asking = true;
    const late = setTimeout(() => other.say(teacher.gone() ? GONE : SILENT), PATIENCE);
    try {
      const { probs, ms } = await teacher.ask(value);
      other.time(ms, performance.now() - started);
      other.say("");
      if (!(wanted in refused)) other.show(probs);
      if (first !== undefined && mine === drawing) compare(mine, first === firstOf(probs));
    } catch {
      other.say(GONE);
    }
    clearTimeout(late);
    asking = false;
    if (value !== wanted) consult();
  }

  function see(value, isNew) {
    if (isNew || value === "" || value === "dot") drawing = {};
    wanted = value;
    answered = undefined;
    if (value in refused) {
      for (const speaker of [own, other]) speaker?.show(null);
      return tell(refused[value]);
    }
    if (net) {
      const pixels = pixelsOf(value), started = performance.now(), probs = softmax(answer(net, pixels));
      own.time(performance.now() - started);
      own.show(probs);
      answered = firstOf(probs);
    }
    tell("");
    if (teacher) consult();
  }

  const change = (value) => { see(value, drawing.given); };
  const pad = makePad(paper, { label: "draw a digit", change });
  const give = (value) => {
    if (value === wanted) return;
    pad.set(value);
    see(value, true);
    drawing.given = true;                   // the first stroke after it begins another drawing
  };
  const half = ([, one], [, two]) => {      // as a slider between two images would have it in its middle
    const [a, b] = [one, two].map(pixelsOf);
    return valueOf(a.map((ink, n) => (ink + b[n]) / 2));
  };
  const more = examples.length > 9 ? [["half a 4, half a 9", half(examples[4], examples[9])]] : [];
  tries.append(part("span", "", "or try"), ...[...examples, ...more].map(([name, value]) => {
    const button = part("button", "", name);
    button.type = "button";
    button.onclick = () => give(value);
    return button;
  }));
  el.append(paper, tries, speakers, told, spoken);
  if (net) el.append(makeCard(net.card));
  tell(refused[""]);
}

// Who taught the student, and how: what its file says of itself.
function makeCard(card) {
  const el = part("details", "kdlab-card"), list = part("dl", "");
  for (const [name, fact] of Object.entries(card))
    list.append(part("dt", "", name.replaceAll("_", " ")), part("dd", "", fact.toLocaleString("en")));
  el.append(part("summary", "", "The student's card: who taught it, and how"), list);
  return el;
}
