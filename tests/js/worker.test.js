// The worker as a page speaks to it: two searches at a time, each of which goes on as its own.
import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";
import { near } from "./chance.js";
import { readSafetensors } from "../../vae/ui/static/js/space/safetensors.js";

const answers = new Map();
/** @type {any} */ (globalThis).self = { postMessage: (answer) => answers.set(answer.id, answer) };
await import("../../vae/ui/static/js/explorer/worker.js");

let last = 0;
function ask(kind, fields) {
  last += 1;
  globalThis.self.onmessage(/** @type {any} */ ({ data: { id: last, kind, ...fields } }));
  return answers.get(last);
}

function openDigits() {
  const read = (name) => {
    const url = new URL(`../../models/digits-default-z2/${name}`, import.meta.url);
    return Uint8Array.from(fs.readFileSync(url)).buffer;
  };
  const config = JSON.parse(new TextDecoder().decode(read("config.json"))).model,
    { mu, labels } = readSafetensors(read("codes.safetensors"));
  ask("open", {
    name: "digits",
    weights: read("model.safetensors"),
    config,
    mu: mu.data,
    labels: labels.data,
  });
  const basis = [
    [1, 0],
    [0, 1],
  ];
  ask("chart", { frame: { origin: [0, 0], basis, uv: mu.data } });
}

const question = (a, b) => ({
  ...{ kind: "shortest", a, b, samples: 64, count: 12, label: null, near: 3, points: 49 },
  ...{ sweeps: 12, gain: 0.002, same: 0.01, lattice: { between: 32, beyond: 16, beside: 32 } },
});

test("two searches that go on in turn each end where their own question ends", () => {
  openDigits();
  const ends = [
    [
      [-1, 0],
      [1, 1],
    ],
    [
      [0, -1],
      [0, 1.5],
    ],
  ];
  const found = ends.map(([a, b]) => ask("seek", { question: question(a, b) })),
    { search } = found[0];
  assert.notEqual(search, found[1].search);
  while (!found.every((one) => one.done))
    found.forEach((one, k) => {
      if (!one.done) found[k] = ask("seek", { goOn: one.search });
      assert.equal(found[k].fault, undefined);
    });
  found.forEach(({ line }, k) => near([line[0], line.at(-1)].flat(), ends[k].flat(), 1e-9));
  assert.ok(ask("seek", { goOn: search }).fault, "a search that has ended is kept no longer");
});
