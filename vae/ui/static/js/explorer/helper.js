// Questions to a worker beside the page.
let address = null;
// Where the worker's own file lies; told once, before the first question.
export const workerAt = (url) => (address = url);

// A worker that answers questions one after the other, so that no arithmetic holds up the pointer.
export class Helper {
  constructor() {
    this.waiting = new Map();
    this.next = 0;
    this.worker = new Worker(address, { type: "module" });
    this.worker.onmessage = ({ data: { id, fault, ...answer } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (fault) reject(new Error(fault));
      else resolve(answer);
    };
  }

  ask(kind, fields, moved = []) {
    const id = (this.next += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, kind, ...fields }, moved);
    });
  }
}

// A worker that is told of a model, its gaps and a chart where it does not know them yet; its answers keep the order of the questions.
export class Knowing extends Helper {
  about(local, frame) {
    const told = this.told ?? {};
    if (told.key !== local.key)
      this.ask("open", {
        name: local.key,
        weights: local.weights,
        config: local.config,
        mu: local.mu,
        labels: local.labels,
      });
    if (local.gaps && (told.key !== local.key || told.gaps !== local.gaps))
      this.ask("measured", { name: local.key, gaps: local.gaps });
    if (told.key !== local.key || told.frame !== frame)
      this.ask("chart", { frame: { origin: frame.origin, basis: frame.basis, uv: frame.uv } });
    this.told = { key: local.key, gaps: local.gaps, frame };
    return this;
  }
}
