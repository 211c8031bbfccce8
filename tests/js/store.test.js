// Named values and who watches them, over two stores of which one stands on the other.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.document = { getElementById: () => ({ textContent: "{}" }) }; // the page's tokens
const { Store } = await import("../../vae/ui/static/js/state/store.js");
const { MapView } = await import("../../vae/ui/static/js/state/mapview.js");

const told = () => new Promise((resolve) => setTimeout(resolve));

test("what is watched is told once a turn, with what has changed, and no more once it has ended", async () => {
  const store = new Store({ a: 1, b: 2, c: 3 }),
    calls = [];
  const off = store.on(["a", "b"], ({ a, b }, keys) => calls.push([a, b, [...keys].sort()]));
  store.set({ a: 5 });
  store.set({ b: 6, c: 7 });
  store.set({ c: 8 });
  await told();
  store.set({ a: 5 }); // the same value is no change
  await told();
  off();
  store.set({ a: 9 });
  await told();
  assert.deepEqual(calls, [
    [1, 2, ["a", "b"]],
    [5, 6, ["a", "b"]],
  ]);
});

test("through a store that stands on another, the other's values are read, changed and watched, once for both", async () => {
  const page = new Store({ shared: 0 }),
    [one, two] = [new Store({ own: 1 }, page), new Store({ own: 2 }, page)],
    calls = [];
  two.on(["own", "shared"], ({ own, shared }) => calls.push([own, shared]));
  one.set({ own: 10, shared: 7 });
  two.set({ own: 20 });
  await told();
  assert.deepEqual(calls, [
    [2, 0],
    [20, 7],
  ]);
  assert.equal(page.get().shared, 7);
  assert.throws(() => page.set({ own: 3 }), /the store has no own/);
  assert.throws(() => one.on(["none"], () => {}), /the store has no none/);
});

test("a listener that fails keeps no other from being told", async (context) => {
  const fault = context.mock.method(console, "error", () => {}),
    store = new Store({ a: 1 }),
    seen = [];
  store.on(["a"], ({ a }) => {
    if (a > 1) throw new Error("of no use");
  });
  store.on(["a"], ({ a }) => seen.push(a));
  store.set({ a: 2 });
  await told();
  assert.deepEqual(seen, [1, 2]);
  assert.equal(fault.mock.callCount(), 1);
});

test("a map is drawn once its frame is that of the chosen model and of its present weights", () => {
  const map = new MapView();
  assert.equal(map.drawn, null);
  const frame = { key: "m 12345678" };
  map.set({ frame, model: { name: "m", rev: "12345678" } });
  assert.equal(map.drawn, frame);
  map.set({ model: { name: "m", rev: "87654321" } });
  assert.equal(map.drawn, null);
});
