// Reads a safetensors file: an 8-byte length, a JSON header, the tensors' bytes. Half floats become floats. No DOM: workers use it too.

let halves = null;

// All 65,536 half floats as floats: a look into a table is faster than taking bits apart two million times.
function table() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let h = 0; h < 65536; h += 1) {
    const sign = h & 0x8000 ? -1 : 1,
      exponent = (h >> 10) & 31,
      fraction = h & 1023;
    if (exponent === 0) halves[h] = sign * fraction * 2 ** -24;
    else if (exponent === 31) halves[h] = fraction ? NaN : sign * Infinity;
    else halves[h] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halves;
}

const READ = {
  F16: (buffer, from, size) => {
    const raw = new Uint16Array(buffer.slice(from, from + size * 2)),
      known = table(),
      out = new Float32Array(size);
    for (let i = 0; i < size; i += 1) out[i] = known[raw[i]];
    return out;
  },
  F32: (buffer, from, size) => new Float32Array(buffer.slice(from, from + size * 4)),
  U8: (buffer, from, size) => new Uint8Array(buffer.slice(from, from + size)),
};

// {name: {data, shape}} of an ArrayBuffer; throws a sentence where it is no such file.
export function readSafetensors(buffer) {
  const length = buffer.byteLength >= 8 ? Number(new DataView(buffer).getBigUint64(0, true)) : -1;
  if (length < 2 || length > buffer.byteLength - 8)
    throw new Error("The model's file is cut off; reload the page.");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = {};
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [from, to],
    },
  ] of Object.entries(header).filter(([key]) => key !== "__metadata__")) {
    if (!READ[dtype] || 8 + length + to > buffer.byteLength)
      throw new Error(
        `The model's file holds ${name} as ${dtype}, which this page does not read; reload the page.`,
      );
    tensors[name] = {
      data: READ[dtype](
        buffer,
        8 + length + from,
        shape.reduce((a, b) => a * b, 1),
      ),
      shape,
    };
  }
  return tensors;
}
