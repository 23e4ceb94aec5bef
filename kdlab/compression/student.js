// An int8 net in a page: readNet(text that `to_page` wrote) -> net, answer(net, pixels) -> logits.
// No library, no export: these functions stand before those of the page that uses them.
const ARRAYS = { codes: Uint8Array, weights: Int8Array, biases: Int32Array, scales: Float32Array };

// The net that a text holds; net.card says what it is. Throws an Error that says what to do.
function readNet(text) {
  const whole = text.trim(), [start, told] = /^{"kdlab_student": 1, "adler32": (\d+),\n/.exec(whole) ?? [""];
  let sum = 1, sums = 0;                                    // of all letters, and of all sums on the way
  for (let i = start.length; i < whole.length; i++) {
    sum = (sum + whole.charCodeAt(i)) % 65521;
    sums = (sums + sum) % 65521;
  }
  if (65536 * sums + sum !== Number(told)) throw new Error("The student's file was cut or changed, or is none: get it again.");
  const net = JSON.parse(whole);
  for (const part of [net, ...net.layers])                  // bytes are written as letters, in base 64
    for (const [name, Kind] of Object.entries(ARRAYS))
      if (name in part) part[name] = new Kind(Uint8Array.from(atob(part[name]), (letter) => letter.charCodeAt(0)).buffer);
  net.card.bytes = whole.length;
  return net;
}

// Ten logits of one image: its grey values, 0 (paper) to 255 (ink), row by row.
function answer(net, pixels) {
  if (pixels.length !== net.side ** 2) throw new Error(`An image has ${net.side ** 2} pixels, got ${pixels.length}.`);
  let codes = Uint8Array.from(pixels, (grey) => net.codes[grey]);
  for (const layer of net.layers) codes = { Conv: conv, Gemm: dense, MaxPool: pool }[layer.kind](layer, codes);
  return Float32Array.from(codes, (code) => net.step * (code - net.zero));
}

// A code, 0 to 255, stands for the number step · (code − zero). Codes [inputs] -> [outputs]: products and
// sums are of whole numbers; then one factor for each output brings its sum to the step of what comes next.
function dense({ weights, biases, scales, zero, nextZero }, codes) {
  const next = new Uint8ClampedArray(biases.length);        // rounds, and ends at 0 and 255: so it is ReLU, too
  for (let output = 0, place = 0; output < next.length; output++) {
    let sum = biases[output];
    for (let i = 0; i < codes.length; i++) sum += (codes[i] - zero) * weights[place++];
    next[output] = Math.fround(sum * scales[output]) + nextZero;
  }
  return next;
}

// The same for the 3×3 codes around each place: [inputs, side, side] -> [outputs, side, side].
function conv(layer, codes) {
  const { side, zero } = layer, area = side * side;
  const next = new Uint8Array(layer.biases.length * area), around = new Uint8Array(codes.length / area * 9);
  for (let place = 0; place < area; place++) {
    for (let i = 0; i < around.length; i++) {               // of each input three rows of three
      const row = Math.floor(place / side) + Math.floor(i / 3) % 3 - 1, column = place % side + i % 3 - 1;
      const inside = Math.min(row, column) >= 0 && Math.max(row, column) < side;
      around[i] = inside ? codes[Math.floor(i / 9) * area + row * side + column] : zero;
    }
    dense(layer, around).forEach((code, output) => { next[output * area + place] = code; });
  }
  return next;
}

// The largest of each 2×2 codes: [channels, side, side] -> [channels, side / 2, side / 2].
function pool({ side }, codes) {
  const corner = (n) => 2 * side * Math.floor(2 * n / side) + 2 * n % side;
  return new Uint8Array(codes.length / 4).map((_, n) => (
    Math.max(...[0, 1, side, side + 1].map((more) => codes[corner(n) + more]))));
}
