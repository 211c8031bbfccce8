// A worker that answers questions one after the other, so that no arithmetic holds up the pointer.
export class Helper {
  constructor() {
    this.waiting = new Map();
    this.next = 0;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
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
