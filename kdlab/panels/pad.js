// A drawing pad: the strokes of a pen, a mouse or a finger, and the image that a net is given.
// Nothing is exported: what uses it (drawing.js, a page of its own) stands behind it in one module.

const PAPER = 252, SIDE = 28, BOX = 20;             // CSS pixels; pixels of the image; its ink's largest side
const THICKNESS = 24;                               // of the pen, CSS pixels: that of MNIST's digits
const NEWS = 50;                                    // milliseconds between two values while drawing
const FULL = 0.8;                                   // of the box is ink: MNIST's fullest has 0.779
const MIDDLE = [PAPER / 2, PAPER / 2], STEP = 12;   // where keys begin, and how far each moves the pen
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };
const MOST = 4000;                                  // points: a pen that has gone over all of the paper rests

const KEYS = "Arrow keys move the pen, Space puts it down and lifts it.";

// strokes: [[[x, y], ...], ...]; taken: what Undo brings back when there are none; told: the last values
const newDrawing = () => ({ thickness: THICKNESS, strokes: [], taken: null, told: [] });

const valueOf = (pixels) => btoa(String.fromCharCode(...pixels));  // of 28 · 28 bytes, row by row

// ---- the form of MNIST ---------------------------------------------------------------------------

// How far each pixel [28 · 28] is covered, 0 to 1, by a pen of this thickness that follows the strokes:
// a pixel's middle within the pen is ink, at its edge it is grey.
function inkOf(strokes, thickness) {
  const ink = new Float64Array(SIDE * SIDE), reach = thickness / 2 + 0.5;
  for (const points of strokes) points.forEach(([x, y], n) => {
    const [fromX, fromY] = points[Math.max(0, n - 1)], dx = x - fromX, dy = y - fromY;
    const within = (at) => Math.min(SIDE - 1, Math.max(0, Math.floor(at)));
    for (let row = within(Math.min(y, fromY) - reach); row <= within(Math.max(y, fromY) + reach); row++)
      for (let column = within(Math.min(x, fromX) - reach); column <= within(Math.max(x, fromX) + reach); column++) {
        const px = column + 0.5 - fromX, py = row + 0.5 - fromY;
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / (dx * dx + dy * dy || 1)));
        const covered = Math.min(1, reach - Math.hypot(px - along * dx, py - along * dy));
        if (covered > ink[row * SIDE + column]) ink[row * SIDE + column] = covered;
      }
  });
  return ink;
}

// The drawing as MNIST's images were made: the largest side of the ink's box becomes 20 pixels, and its
// centre of mass the middle of 28 x 28. Base64 of 784 bytes, 255 is ink; or "", "dot", "full" (pad.py).
function toMnist({ thickness, strokes }) {
  const points = strokes.flat();
  if (!points.length) return "";
  const middle = [], sides = [0, 1].map((axis) => {
    const places = points.map((point) => point[axis]);
    const low = places.reduce((a, b) => Math.min(a, b)), high = places.reduce((a, b) => Math.max(a, b));
    middle.push((low + high) / 2);
    return high - low;
  });
  const extent = Math.max(...sides), scale = BOX / (extent + thickness);
  if (extent < 1.5 * thickness) return "dot";       // enlarged, a blob
  const at = (shift) => inkOf(strokes.map((s) => s.map((point) => point.map((place, axis) =>
    (place - middle[axis]) * scale + SIDE / 2 + shift[axis]))), thickness * scale);
  const ink = at([0, 0]), sum = ink.reduce((a, b) => a + b);
  if (sum > FULL * BOX * BOX) return "full";
  const mass = [0, 0];
  ink.forEach((covered, n) => {
    mass[0] += covered / sum * (n % SIDE + 0.5);
    mass[1] += covered / sum * (Math.floor(n / SIDE) + 0.5);
  });
  // To the nearest whole pixel, as in all of MNIST's test images: within half a pixel of the middle of pixel 14.
  const centred = at(mass.map((place) => Math.round(SIDE / 2 + 0.5 - place)));
  return valueOf(centred.map((covered) => Math.round(255 * covered)));
}

// ---- the pad -------------------------------------------------------------------------------------

// A pad within `el`, named `label`. It calls `change(value)` while somebody draws, at most 20 times a
// second, and the last time always. `drawing` may be shared with other pads. Returns { set(value) }, for
// values from elsewhere: the strokes are dropped, and that image is shown.
function makePad(el, { label, change, value = "", drawing = newDrawing() }) {
  el.classList.add("kdlab-pad");
  el.dataset.lmSuppressShortcuts = "true";                     // else JupyterLab takes the arrows
  el.innerHTML = `<canvas class="kdlab-paper" role="application" tabindex="0"
    aria-description="${KEYS}"></canvas><div><b aria-hidden="true"></b>
    <figure><canvas width="28" height="28" aria-hidden="true"></canvas>
    <figcaption>what the net is given</figcaption></figure><p><button>Undo</button><button>Clear</button>
    <label>thickness <input type="range" min="10" max="40"></label></p></div>`;
  const [paper, given] = el.querySelectorAll("canvas"), [undo, clear] = el.querySelectorAll("button");
  const thickness = el.querySelector("input");
  paper.setAttribute("aria-label", label);
  el.querySelector("b").textContent = label;
  el.querySelector("b").dataset.keys = KEYS;                   // seen while the paper has the focus
  let hand = null;                                             // [x, y] of the pen that keys move
  let shown = null, stroke = null, news = 0, told = 0;         // the value, and the stroke under the pen

  function paint() {
    const bytes = shown.length > 4 ? atob(shown) : "";         // else a word, such as "dot": no image
    const sharp = window.devicePixelRatio || 1, small = given.getContext("2d");   // another one after a zoom
    const size = Math.round(PAPER * sharp);
    if (paper.width !== size) paper.width = paper.height = size;
    const pixels = small.createImageData(SIDE, SIDE), pen = paper.getContext("2d"), { strokes } = drawing;
    for (let n = 0; n < SIDE * SIDE; n++) {
      pixels.data.fill(bytes.charCodeAt(n) || 0, 4 * n, 4 * n + 3);
      pixels.data[4 * n + 3] = 255;
    }
    small.putImageData(pixels, 0, 0);
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.fillRect(0, 0, PAPER, PAPER);
    if (!strokes.length) pen.drawImage(given, 0, 0, PAPER, PAPER);
    Object.assign(pen, { strokeStyle: "white", lineWidth: drawing.thickness, lineCap: "round", lineJoin: "round" });
    for (const points of strokes) {
      pen.beginPath();
      [points[0], ...points].forEach(([x, y], n) => pen.lineTo(x + (n ? 0 : 0.1), y));  // a dot has a length, too
      pen.stroke();
    }
    if (hand) {                                                // a ring, filled while it draws
      Object.assign(pen, { strokeStyle: "#E69F00", lineWidth: stroke ? 9 : 3 });
      pen.beginPath();
      pen.arc(...hand, stroke ? 4 : 8, 0, 7);
      pen.stroke();
    }
    for (const [button, off] of [[undo, !strokes.length && !drawing.taken], [clear, !strokes.length && !bytes]]) {
      if (off && document.activeElement === button) paper.focus({ preventScroll: true });   // else it is lost
      button.disabled = off;
    }
    thickness.value = drawing.thickness;
    thickness.disabled = !strokes.length && bytes !== "";      // an image from elsewhere has no strokes
  }

  function tell() {
    news = 0;
    told = performance.now();
    const value = toMnist(drawing);
    if (value === shown || (stroke && value === "dot")) return;        // any digit begins with a dot
    shown = value;
    drawing.told = value ? [...drawing.told.slice(-99), value] : [];
    paint();
    change(value);
  }
  function changed() {
    paint();
    news ||= setTimeout(tell, Math.max(0, told + NEWS - performance.now()));
  }

  const at = (place) => Math.min(PAPER, Math.max(0, place));
  function moveTo(x, y) {                                      // the end of the stroke
    const last = stroke.at(-1), room = drawing.strokes.flat().length < MOST;
    if (!last || (room && Math.hypot(x - last[0], y - last[1]) >= 1)) stroke.push([x, y]);
  }
  function follow(event) {
    const { left, top, width } = paper.getBoundingClientRect(), zoom = PAPER / width;
    const all = event.getCoalescedEvents?.() ?? [];            // all that a quick pen did since the last
    for (const { clientX, clientY } of all.length ? all : [event])
      moveTo(at((clientX - left) * zoom), at((clientY - top) * zoom));
    changed();
  }
  paper.onpointerdown = (event) => {
    if ((stroke && !hand) || event.button) return;             // a second finger, the other button
    event.preventDefault();
    hand = null;
    paper.setPointerCapture(event.pointerId);
    drawing.strokes.push(stroke = []);
    follow(event);
  };
  paper.onpointermove = (event) => { if (stroke && paper.hasPointerCapture(event.pointerId)) follow(event); };
  paper.onlostpointercapture = () => { stroke = null; changed(); };    // lifted, or taken by the system
  paper.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || (stroke && !hand)) return;
    event.preventDefault();
    if (event.key === " " && event.repeat) return;
    hand = (hand ?? MIDDLE).map((place, n) => at(place + STEP * step[n]));
    if (event.key === " " && stroke) stroke = null;
    else if (event.key === " ") drawing.strokes.push(stroke = []);
    if (stroke) moveTo(...hand);
    changed();
  };
  paper.onfocus = () => {
    if (paper.matches(":focus-visible")) hand = MIDDLE;
    paint();
  };
  paper.onblur = () => {
    if (!hand) return;
    hand = stroke = null;
    changed();
  };
  function take() {                                            // all strokes; Undo knows them
    const { thickness, strokes } = drawing;
    if (strokes.length) Object.assign(drawing, { taken: { thickness, strokes }, strokes: [] });
  }
  undo.onclick = () => {
    if (!drawing.strokes.pop()) Object.assign(drawing, drawing.taken, { taken: null });
    changed();
  };
  clear.onclick = () => { take(); changed(); };
  thickness.oninput = () => {
    drawing.thickness = Number(thickness.value);
    if (drawing.strokes.length) changed();
  };

  function set(value) {
    if (value === shown) return;
    shown = value;
    const when = drawing.told.lastIndexOf(value);              // this pad told it, or another view
    if (when < 0) {
      const drawn = drawing.strokes.length;
      take();
      if (drawn && !value) drawing.thickness = THICKNESS;      // Reset
      drawing.told = [];
      stroke = null;
    }
    paint();
    if (when < drawing.told.length - 1) changed();             // a slow kernel's: the strokes are newer
  }
  set(value);
  return { set };
}
