// An int8 net in the page: readNet(text) -> net, answer(net, pixels) -> logits.
// The text is what `to_page` of page.py wrote. No library, no network, no export: these
// functions stand before those of a widget or a page that uses them.

const FORM = /^\{"form": "kdlab-student-1", "crc32": "([0-9a-f]{8})",\n/;

// The net that a text holds, its numbers unpacked; net.card tells what it is.
function readNet(text) {
  const whole = text.trim(), start = FORM.exec(whole);
  if (!start) throw new Error("This is no student for a page, or of another version: write it anew with to_page.");
  if (crc32(whole.slice(start[0].length)) !== start[1]) {
    throw new Error("The student's file was cut or changed on its way: fetch it again, or write it anew with to_page.");
  }
  const net = JSON.parse(whole);
  net.card.bytes = whole.length;
  net.codes = unpacked(net.codes, Uint8Array);                // of each grey value, 0 to 255
  for (const layer of net.layers.filter(({ kind }) => kind !== "pool")) {
    layer.weights = unpacked(layer.weights, Int8Array);       // whole numbers, −64 to 64
    layer.biases = unpacked(layer.biases, Int32Array);
    layer.scales = unpacked(layer.scales, Float32Array);      // from a sum to a code, for each output
  }
  return net;
}

function unpacked(base64, Kind) {
  return new Kind(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)).buffer);
}

// The checksum of zip files: any change of up to 32 bits in a row changes it. It finds
// accidents; whoever wants to forge a file can.
function crc32(text) {
  let crc = -1;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (~crc >>> 0).toString(16).padStart(8, "0");
}

// Logits [10] of one image: 784 grey values of 0 (paper) to 255 (ink), row by row.
function answer(net, pixels) {
  let codes = Uint8Array.from(pixels, (grey) => net.codes[grey]), side = net.side;
  if (codes.length !== side * side) throw new Error(`An image has ${side * side} pixels, got ${codes.length}.`);
  for (const layer of net.layers) {
    if (layer.kind === "dense") codes = dense(layer, codes);
    if (layer.kind === "conv") codes = conv(layer, codes, side);
    if (layer.kind === "pool") codes = pool(codes, side), side /= 2;
  }
  return Float32Array.from(codes, (code) => net.step * (code - net.zero));
}

// Codes [inputs] -> codes [outputs]. A code stands for step · (code − zero). All products
// and sums are of whole numbers; one float brings a sum to the next layer's steps.
function dense({ weights, biases, scales, zero, nextZero }, codes) {
  const next = new Uint8ClampedArray(biases.length);          // ends at 0 and 255: that is ReLU, too
  for (let output = 0, w = 0; output < next.length; output++) {
    let sum = biases[output];
    for (let i = 0; i < codes.length; i++) sum += (codes[i] - zero) * weights[w++];
    next[output] = nextZero + Math.fround(sum * scales[output]);
  }
  return next;
}

// Codes [inputs, side, side] -> [outputs, side, side]: the dense layer of each 3×3 patch.
function conv(layer, codes, side) {
  const area = side * side, inputs = codes.length / area, outputs = layer.biases.length;
  const patch = new Uint8Array(inputs * 9), next = new Uint8Array(outputs * area);
  for (let place = 0; place < area; place++) {
    for (let i = 0; i < patch.length; i++) {                  // channel, row and column in the patch
      const y = Math.floor(place / side) + Math.floor(i / 3) % 3 - 1, x = place % side + i % 3 - 1;
      const inside = 0 <= y && y < side && 0 <= x && x < side;
      patch[i] = inside ? codes[Math.floor(i / 9) * area + y * side + x] : layer.zero;
    }
    dense(layer, patch).forEach((code, output) => { next[output * area + place] = code; });
  }
  return next;
}

// The largest of each 2×2 codes: [channels, side, side] -> [channels, side / 2, side / 2].
function pool(codes, side) {
  const half = side / 2, next = new Uint8Array(codes.length / 4);
  for (let n = 0; n < next.length; n++) {
    const at = 2 * Math.floor(n / half) * side + 2 * (n % half);
    next[n] = Math.max(codes[at], codes[at + 1], codes[at + side], codes[at + side + 1]);
  }
  return next;
}
