// Work of which one turn runs at a time and the newest waits: those in between are dropped, the last always has its turn.

let now = null;
// The turn whose work is being called just now; to be asked before anything is awaited.
/** @returns {?Turn} */
export const running = () => now;

// One call of some work. What it has asked may have to wait for a busy server; a turn that is overtaken meanwhile is left where it is.
export class Turn {
  constructor() {
    this.pauses = 0;
    this.overtaken = false;
    this.left = new Promise((resolve) => (this.leave = resolve));
  }

  // What `work` gives, undefined where it was left.
  take(work) {
    const before = now;
    now = this;
    try {
      return Promise.race([work(), this.left]);
    } finally {
      now = before;
    }
  }

  overtake() {
    this.overtaken = true;
    if (this.pauses) this.leave();
  }

  // [what `rest` gives, whether the turn still wants to go on]
  async pause(rest) {
    if (this.overtaken) this.leave();
    this.pauses += 1;
    const given = await Promise.race([rest, this.left]);
    this.pauses -= 1;
    return [given, !this.overtaken];
  }
}

// One call in the air, the newest waits: calls in between are dropped, the last always gets its answer.
export function latest(work) {
  let turn = null,
    next = null;
  return async function call(...args) {
    if (turn) {
      next = args;
      turn.overtake();
      return;
    }
    turn = new Turn();
    try {
      await turn.take(() => work(...args));
    } catch (fault) {
      if (!fault.changed?.length) console.error(fault); // that a model has changed is said above the tabs
    }
    turn = null;
    if (next) {
      const then = next;
      next = null;
      call(...then);
    }
  };
}

// The same for several kinds of work of which each gives an answer: null where a newer one came in between.
export class Lane {
  async run(work) {
    if (this.turn) {
      this.next?.(false);
      const turn = new Promise((resolve) => (this.next = resolve));
      this.turn.overtake();
      if (!(await turn)) return null;
    }
    this.turn = new Turn();
    if (this.next) this.turn.overtake();
    try {
      return (await this.turn.take(work)) ?? null;
    } finally {
      const { next } = this;
      this.next = null;
      if (next) next(true);
      else this.turn = null;
    }
  }
}
