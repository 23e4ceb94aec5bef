// A student that lives in the page: a pad, what the student says of a drawing, and what its teacher says.
//
// pad.js (`makePad`, `valueOf`) and student.js (`readNet`, `answer`) stand before this file. The student answers here,
// at every stroke. The teacher, if there is one, is somewhere else: `ask` and `gone` are its ways there.

const PATIENCE = 2000, REST = 500;          // milliseconds without an answer; of stillness, before it is read aloud
const TIMED = 15;                           // so many answers have their time in a median
const GONE = "There is no kernel any more; the student needs none: go on drawing.";
const SILENT = "No answer from the kernel for two seconds, be it busy or gone; the student needs none: go on drawing.";
const hundredths = (number) => (number < 0.005 ? "<0.01" : number.toFixed(2));
const shareOf = (prob) => (prob < 0.995 ? hundredths(prob) : ">0.99");  // no answer is quite certain

const pixelsOf = (value) => Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
const firstOf = (probs) => probs.indexOf(Math.max(...probs));

function softmax(logits) {
  const highest = Math.max(...logits), powers = Array.from(logits, (logit) => Math.exp(logit - highest));
  const sum = powers.reduce((one, other) => one + other);
  return powers.map((power) => power / sum);
}

function bitsOf(probs) {                    // how much an answer leaves open: 1 if it is torn between two digits
  return probs.reduce((sum, prob) => sum - (prob && prob * Math.log2(prob)), 0);
}

function part(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// What one of the two says: ten bars, or a sentence in their place, the bits that they leave open, bytes, and the
// median of its last times.
function makeSpeaker(name, bytes, where) {
  const el = part("section", `kdlab-speaker kdlab-${name.toLowerCase()}`), bars = part("div", "kdlab-bars");
  const said = part("p", "kdlab-said"), costs = part("p", "kdlab-costs"), times = where.map(() => []);
  const head = part("h3", "", name), bits = part("span", "");
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = part("div", "kdlab-bar"), bar = part("i", ""), share = part("span", "");
    row.append(part("b", "", digit), bar, share);
    bar.append(part("i", ""));
    return { row, bar: bar.firstChild, share };
  });
  el.setAttribute("aria-label", name);
  bars.setAttribute("role", "img");
  bars.append(...rows.map(({ row }) => row));
  head.append(bits);
  el.append(head, bars, said, costs);

  function show(probs) {                    // null: there is no answer
    const order = probs && [...probs.keys()].sort((one, other) => probs[other] - probs[one]);
    const [first, second] = (order ?? []).map((digit) => `${digit} with ${shareOf(probs[digit])}`);
    bits.textContent = probs ? `${hundredths(bitsOf(probs))} bits` : "";
    const words = probs ? `${first}, then ${second}; ${bits.textContent}` : "no answer";
    bars.setAttribute("aria-label", `${name}: ${words}.`);
    if (!probs) time();
    rows.forEach(({ row, bar, share }, digit) => {
      bar.style.width = `${100 * (probs?.[digit] ?? 0)}%`;
      share.textContent = probs ? shareOf(probs[digit]) : "";
      row.classList.toggle("kdlab-first", digit === order?.[0]);
    });
  }
  function say(text) {                      // in one sentence, why there is no answer
    said.textContent = text;
    if (text) show(null);
  }
  function time(...took) {                  // none: those before are forgotten
    times.forEach((all, n) => { all.unshift(took[n]); all.length = took.length && Math.min(all.length, TIMED); });
    const medians = times.map((all) => [...all].sort((a, b) => a - b)[all.length >> 1]);
    const words = medians.map((median, n) => (took.length ? `, ${median.toFixed(1)} ms ${where[n]}` : ""));
    costs.textContent = `${bytes.toLocaleString("en")} bytes${words.join("")}`;
  }
  show(null);
  return { el, show, say, time };
}

// The pad and who speaks. `student` is the text of its file; `refused` says of each value that is no image what
// is said instead; `examples` are [name, value]. `teacher`: { bytes, ask(value) -> { probs, ms } or { error },
// gone() }; the answer to a question that is lost never comes, nor does a late one once the next was asked.
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
    speaking = setTimeout(() => { spoken.textContent = refused[wanted] ?? [...heard, text].join(" "); }, REST);
  }

  function compare(drawing, same) {         // a drawing counts once, as it stands at its end
    if (drawing.same === undefined) drawn += 1;
    agreed += same - (drawing.same ?? 0);
    drawing.same = same;
    const drawings = `${drawn} drawing${drawn === 1 ? "" : "s"}`;
    tell(`${same ? "Same first answer" : "They differ"}. So far they agree on ${agreed} of ${drawings}.`);
  }

  async function consult() {                // one question at a time, and meanwhile only the last drawing is kept
    if (teacher.gone()) return other.say(GONE);
    if (asking || wanted in refused) return;
    const value = wanted, mine = drawing, first = answered, started = performance.now();
    const next = () => { asking = false; if (value !== wanted) consult(); };
    asking = true;
    const late = setTimeout(() => { other.say(teacher.gone() ? GONE : SILENT); next(); }, PATIENCE);
    const { probs, ms, error } = await teacher.ask(value).catch(() => ({ error: GONE }));  // it cannot even be sent
    clearTimeout(late);
    other.say(error ?? "");
    if (probs && !(wanted in refused)) {
      other.time(ms, performance.now() - started);
      other.show(probs);
    }
    if (probs && first !== undefined && mine === drawing) compare(mine, first === firstOf(probs));
    next();
  }

  function see(value, isNew) {
    if (isNew || value === "" || value === "dot") drawing = {};
    wanted = value;
    answered = undefined;
    if (value in refused) {
      if (net) own.say(refused[value]);
      other?.show(null);
      return tell("");
    }
    if (net) {
      const pixels = pixelsOf(value), started = performance.now(), probs = softmax(answer(net, pixels));
      own.time(performance.now() - started);
      own.say("");
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
  const more = examples.length > 9 ? [["a 4 fading into a 9", half(examples[4], examples[9])]] : [];
  tries.append(part("span", "", "or try"), ...[...examples, ...more].map(([name, value]) => {
    const button = part("button", "", name);
    button.type = "button";
    button.onclick = () => give(value);
    return button;
  }));
  el.append(paper, speakers, tries, ...(other ? [told] : []), spoken);
  if (net) el.append(makeCard(net.card));
  see("");
}

// Who taught the student, and how: what its file says of itself.
function makeCard(card) {
  const el = part("details", "kdlab-card"), list = part("dl", "");
  for (const [name, fact] of Object.entries(card))
    list.append(part("dt", "", name.replaceAll("_", " ")), part("dd", "", fact.toLocaleString("en")));
  el.append(part("summary", "", "The student's card: who taught it, and how"), list);
  return el;
}
