// Questions that a server was too busy for, or that did not reach it: they wait, are asked again by themselves, and the page says so.
import { set, tokens } from "../state/store.js";
import { say } from "../state/texts.js";

const waiting = new Set(); // {why: "busy" | "gone", sentence, since, until, wake}
const answered = () => [...waiting].forEach((one) => one.why === "gone" && one.wake());

// Everything that waits is asked now.
export const askNow = () => [...waiting].forEach(({ wake }) => wake());

/**
 * Why a question has to wait, and for how many milliseconds.
 * @typedef {{why: "busy" | "gone", sentence?: string, wait: number}} Waits
 */
// What `send` gets at last that is no reason to wait; never settles when the turn that asks is overtaken meanwhile: nobody waits for it then.
/**
 * @param {(attempt: number) => Promise<any>} send gives Waits or anything else
 * @param {?import("../state/turns.js").Turn} turn
 * @returns {Promise<any>}
 */
export async function persist(send, turn) {
  const mine = { why: "", sentence: null, since: 0, until: 0, wake: () => {} };
  for (let attempt = 0; ; attempt += 1) {
    const got = await send(attempt);
    if (!got.why) {
      if (waiting.delete(mine)) tell();
      answered();
      return got;
    }
    const now = performance.now();
    Object.assign(mine, { why: got.why, sentence: got.sentence, until: now + got.wait });
    mine.since ||= now;
    waiting.add(mine);
    tell();
    const goesOn = await pause(mine, got.wait, turn);
    if (goesOn) continue;
    waiting.delete(mine);
    tell();
    return new Promise(() => {});
  }
}

// Waits; where the server is gone, one question alone looks whether it is back. False once nobody waits for the answer.
async function pause(mine, ms, turn) {
  for (;;) {
    const rest = new Promise((resolve) => {
      const timer = setTimeout(resolve, ms, "timer");
      mine.wake = () => (clearTimeout(timer), resolve("woken"));
    });
    const [why, wanted] = await (turn ? turn.pause(rest) : rest.then((why) => [why, true]));
    if (!wanted) return false;
    const first = [...waiting].find(({ why }) => why === "gone");
    if (why === "woken" || mine.why === "busy" || first === mine) return true;
  }
}

let timer = null;
// What the page says of it: `offline` at once, `busy` once a question has waited for longer than a moment.
function tell() {
  clearTimeout(timer);
  const all = [...waiting],
    gone = all.find(({ why }) => why === "gone"),
    busy = all.filter(({ why }) => why === "busy"),
    now = performance.now(),
    waited = busy.length ? now - Math.min(...busy.map(({ since }) => since)) : 0,
    left = busy.length ? Math.ceil((Math.min(...busy.map(({ until }) => until)) - now) / 1000) : 0;
  set({
    offline: gone ? (gone.sentence ?? say("explorer.server.gone")) : null,
    busy: waited < tokens.noticeMs ? null : waited > tokens.patienceMs ? "long" : left > 4 ? left : "soon",
  });
  if (busy.length) timer = setTimeout(tell, waited < tokens.noticeMs ? tokens.noticeMs - waited + 1 : 1000);
}
