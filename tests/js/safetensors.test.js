// A file built by hand, byte by byte, reads as the numbers that were written.
import assert from "node:assert/strict";
import test from "node:test";
import { readSafetensors } from "../../vae/ui/static/js/space/safetensors.js";

function file(header, bytes) {
  const text = new TextEncoder().encode(JSON.stringify(header)),
    out = new Uint8Array(8 + text.length + bytes.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  out.set(bytes, 8 + text.length);
  return out.buffer;
}

test("half floats, floats and bytes read as the numbers they stand for", () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x8000), // 1, -2, about a third, 2 ** -24, 65504, -0
    floats = Float32Array.of(Math.fround(0.1), -7),
    bytes = new Uint8Array([...new Uint8Array(halves.buffer), ...new Uint8Array(floats.buffer), ...[5, 250]]),
    tensors = readSafetensors(
      file(
        {
          __metadata__: { of: "nothing" },
          half: { dtype: "F16", shape: [2, 3], data_offsets: [0, 12] },
          float: { dtype: "F32", shape: [2], data_offsets: [12, 20] },
          byte: { dtype: "U8", shape: [2], data_offsets: [20, 22] },
        },
        bytes,
      ),
    );
  assert.deepEqual(Object.keys(tensors), ["half", "float", "byte"]);
  assert.deepEqual([...tensors.half.data], [1, -2, 1365 / 4096, 2 ** -24, 65504, -0]);
  assert.deepEqual(tensors.half.shape, [2, 3]);
  assert.deepEqual([...tensors.float.data, ...tensors.byte.data], [Math.fround(0.1), -7, 5, 250]);
});

test("a file that is cut off or of an unknown kind is refused with a sentence", () => {
  const whole = file({ a: { dtype: "U8", shape: [4], data_offsets: [0, 4] } }, Uint8Array.of(1, 2, 3, 4));
  assert.throws(() => readSafetensors(whole.slice(0, 5)), /cut off/);
  assert.throws(() => readSafetensors(whole.slice(0, 20)), /cut off/);
  assert.throws(() => readSafetensors(whole.slice(0, whole.byteLength - 1)), /holds a as U8/);
  const odd = file({ a: { dtype: "I64", shape: [0], data_offsets: [0, 0] } }, Uint8Array.of());
  assert.throws(() => readSafetensors(odd), /holds a as I64, which this page does not read/);
});
