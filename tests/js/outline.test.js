// Outlines: what they hold against counting crossings, and the round trip through a link.
import assert from "node:assert/strict";
import test from "node:test";
import { chance } from "./chance.js";
import { inside, pickText, readPick, rounded, simplify } from "../../vae/ui/static/js/space/outline.js";

const draw = chance(),
  uv = draw(800);

// Crossings of a ray to the right, on either side of the line's direction: what a non-zero rule calls inside.
function turns(outline, u, v) {
  let count = 0;
  outline.forEach(([au, av], k) => {
    const [bu, bv] = outline[(k + 1) % outline.length];
    if (av <= v === bv <= v) return;
    if (au + ((v - av) / (bv - av)) * (bu - au) > u) count += bv > av ? 1 : -1;
  });
  return count;
}

test("a lasso holds the places that its line runs round, also where it crosses itself", () => {
  const star = Array.from({ length: 5 }, (_, k) => [
      0.9 * Math.cos(1 + 2.513 * k),
      0.9 * Math.sin(1 + 2.513 * k),
    ]),
    wanted = [];
  for (let i = 0; i < 400; i += 1) if (turns(star, uv[2 * i], uv[2 * i + 1]) !== 0) wanted.push(i);
  assert.ok(wanted.length > 20 && wanted.length < 380);
  assert.deepEqual([...inside({ tool: "lasso", outline: star }, uv)], wanted);
});

test("a box holds the places between its corners, whichever were drawn first", () => {
  const outline = [
      [0.5, -0.25],
      [-0.5, 0.75],
    ],
    wanted = [];
  for (let i = 0; i < 400; i += 1)
    if (Math.abs(uv[2 * i]) <= 0.5 && uv[2 * i + 1] >= -0.25 && uv[2 * i + 1] <= 0.75) wanted.push(i);
  assert.deepEqual([...inside({ tool: "box", outline }, uv)], wanted);
});

test("a simplified line stays within its tolerance of every place, with no more places than asked for", () => {
  const line = Array.from({ length: 200 }, (_, k) => [k / 50, Math.sin(k / 20)]),
    away = ([x, y], [ax, ay], [bx, by]) => {
      const t = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2),
        s = Math.max(0, Math.min(1, t));
      return Math.hypot(x - ax - s * (bx - ax), y - ay - s * (by - ay));
    },
    kept = simplify(line, 0.01, 100);
  for (const place of line)
    assert.ok(Math.min(...kept.slice(1).map((to, k) => away(place, kept[k], to))) <= 0.01 + 1e-12);
  assert.ok(kept.length < 60 && simplify(line, 0.01, 10).length <= 10);
});

test("what is chosen reads back from its link's text, and text that is none is refused", () => {
  const places = rounded(
      [
        [0.123456, -1],
        [2.5, 3],
        [0, 4.00001],
      ],
      0.01,
    ),
    of = { model: "mnist-default-z2", chart: "axes:0,1" },
    strokes = [
      { tool: "lasso", outline: places, cut: false, of },
      { tool: "box", outline: places.slice(0, 2), cut: true, of },
    ],
    limits = { vertices: 64, strokes: 16, farthest: 1e6 };
  assert.deepEqual(readPick(pickText({ strokes }), limits), { strokes, indices: null });
  for (const text of [
    "",
    "box,1,2,3",
    "box,1,2,1,5",
    "lasso,1,2,3,4",
    "box,0,0,1,1e9",
    "star,0,0,1,1,2,0",
    "box,0,0,1,1*m",
  ])
    assert.equal(readPick(text, limits), null, text);
});
