// Turns of work, of which the newest waits, and questions that wait for a busy server.
import assert from "node:assert/strict";
import test from "node:test";

const told = {
  "lx-texts": { explorer: { server: { gone: "gone" } } },
  "lx-tokens": { noticeMs: 1500, patienceMs: 60000 },
};
globalThis.document = { getElementById: (id) => ({ textContent: JSON.stringify(told[id]) }) };
const { Lane, latest, running } = await import("../../vae/ui/static/js/state/turns.js");
const { askNow, persist } = await import("../../vae/ui/static/js/explorer/patience.js");
const { get } = await import("../../vae/ui/static/js/state/store.js");

const BUSY = { why: "busy", wait: 100_000 }; // longer than any test
const soon = () => new Promise((resolve) => setTimeout(resolve));

// What `ask` answers to each question in turn; who asked is written down.
function server(...answers) {
  const asked = [];
  return {
    asked,
    ask: (who) => persist(async () => (asked.push(who), answers.shift() ?? { answer: who }), running()),
  };
}

test("a question that is overtaken while it waits is not asked again, and the newest is asked at once", async () => {
  const { asked, ask } = server(BUSY),
    answered = [];
  const turn = latest(async (who) => answered.push((await ask(who)).answer));
  turn("first");
  await soon();
  turn("second");
  turn("third");
  await soon();
  askNow(); // nothing is left that waits
  await soon();
  assert.deepEqual([asked, answered, get().busy], [["first", "third"], ["third"], null]);
});

test("a question that is in the air when it is overtaken is answered, and refused is not asked again", async () => {
  for (const [reply, seen] of [
    [{ answer: "late" }, ["late", "second"]],
    [BUSY, ["second"]],
  ]) {
    let land;
    const { asked, ask } = server(new Promise((resolve) => (land = resolve))),
      answered = [];
    const turn = latest(async (who) => answered.push((await ask(who)).answer));
    turn("first");
    turn("second");
    land(reply);
    await soon();
    assert.deepEqual([asked, answered], [["first", "second"], seen]);
  }
});

test("in a lane the one that is overtaken while it waits gets null, and so do those in between", async () => {
  const { asked, ask } = server(BUSY),
    lane = new Lane(),
    one = lane.run(() => ask("first"));
  await soon();
  const [two, three] = ["second", "third"].map((who) => lane.run(() => ask(who)));
  assert.deepEqual(await Promise.all([one, two, three]), [null, null, { answer: "third" }]);
  assert.deepEqual(asked, ["first", "third"]);
  assert.deepEqual(await lane.run(() => ask("fourth")), { answer: "fourth" });
});

test("while the server is gone one question looks whether it is back, and the first answer has all others asked", async () => {
  const gone = { why: "gone", wait: 0 },
    away = { why: "gone", wait: 100_000 };
  const { asked, ask } = server(away, gone, gone, { answer: 1 });
  const first = ask("first");
  const second = ask("second");
  await soon();
  assert.equal(get().offline, "gone");
  assert.deepEqual(asked, ["first", "second"], "the second waits for the first");
  askNow();
  assert.deepEqual((await Promise.all([first, second])).map(({ answer }) => answer).length, 2);
  assert.equal(get().offline, null);
});
