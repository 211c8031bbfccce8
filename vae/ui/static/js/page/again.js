// Stands in the page's head before everything else: what belongs to the page and did not come, since the server was busy or away, is asked for
// again until it is there, and one calm line says so meanwhile.
(() => {
  const BUSY = new Set([429, 503]),
    AWAY = new Set([408, 502, 504]),
    QUESTIONS = new Set(["fetch", "xmlhttprequest", "beacon"]),
    LATE = 6000, // milliseconds, after which a part says that it has not come
    RENEWALS = 5; // of the whole page in a minute, at most
  // the style sheets may be what is missing
  const LOOK = {
      position: "fixed",
      zIndex: "899",
      left: "50%",
      top: "clamp(8px, 4vw, 50px)",
      translate: "-50%",
      boxSizing: "border-box",
      width: "max-content",
      maxWidth: "calc(100vw - 32px)",
      padding: "6px 14px",
      border: "1px solid",
      borderColor: "var(--lx-line)",
      borderRadius: "6px",
      background: "var(--lx-raised)",
      color: "var(--lx-quiet)",
      font: "13px/1.5 var(--lx-font)",
      boxShadow: "0 2px 12px rgba(0, 0, 0, 0.08)",
    },
    BUTTON = {
      marginLeft: "12px",
      padding: "0",
      border: "0",
      background: "none",
      color: "var(--lx-accent)",
      font: "inherit",
      cursor: "pointer",
      textDecoration: "underline",
    };
  const waits = (status) => BUSY.has(status) || AWAY.has(status),
    read = (id) => JSON.parse(document.getElementById(id).textContent),
    tokens = () => read("lx-tokens"),
    sentence = (...keys) => keys.reduce((at, key) => at[key], read("lx-texts"));

  // ---- the line at the page's top

  const lines = new Map(); // who waits -> {text, press}
  let box = null;

  // Says what `who` waits for, with a button where `press` has one, {text, work}; without a text it waits no more.
  function tell(who, text, press = null) {
    lines.delete(who);
    if (text) lines.set(who, { text, press });
    const last = [...lines.values()].at(-1);
    if (!box && !last) return;
    if (!box) {
      box = document.createElement("div");
      box.id = "lx-waiting";
      box.setAttribute("role", "status");
      Object.assign(box.style, LOOK);
      document.body.append(box);
    }
    box.style.display = last ? "" : "none";
    if (!last) return void box.replaceChildren();
    if (box.firstChild?.textContent !== last.text) {
      const span = document.createElement("span");
      span.textContent = last.text;
      box.replaceChildren(span);
    }
    box.querySelector("button")?.remove();
    if (!last.press) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = last.press.text;
    Object.assign(button.style, BUTTON);
    button.addEventListener("click", last.press.work);
    box.append(button);
  }

  // Milliseconds until the next try: what the server asks for and a part by chance, so that not all pages come back at once; ever more where it
  // asks for nothing.
  function delay(reply, attempt) {
    const { retryMs, retryMostMs } = tokens(),
      own = Math.min(2 ** attempt * (retryMs / 4), retryMostMs),
      said = reply?.headers.get("Retry-After") ?? "",
      asked = /^\s*\d+\s*$/.test(said) ? 1000 * Number(said) : Date.parse(said) - Date.now();
    return asked > 0 ? Math.min(asked, 3_600_000) + own * Math.random() : own * (0.75 + 0.5 * Math.random());
  }

  // ---- files

  const coming = new Map(); // address -> promise of whether it came
  // Fetches a file until it is here, and in the browser's cache; false where the server says that there is none.
  function arrive(url) {
    if (!coming.has(url))
      coming.set(
        url,
        bringFile(url).finally(() => coming.delete(url)),
      );
    return coming.get(url);
  }

  async function bringFile(url) {
    let slow = null,
      why = "",
      said = false; // the line is there
    try {
      for (let attempt = 0; ; attempt += 1) {
        const reply = await fetch(url).catch(() => null);
        if (reply?.ok && (await reply.arrayBuffer().catch(() => null))) return true;
        if (reply && !reply.ok && !waits(reply.status)) return false;
        why =
          reply && BUSY.has(reply.status)
            ? sentence("page", "again", "busy")
            : sentence("page", "again", "away");
        if (said) tell(url, why);
        slow ??= setTimeout(() => {
          said = true;
          tell(url, why);
        }, tokens().noticeMs);
        const pause = delay(reply, attempt);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } finally {
      clearTimeout(slow);
      tell(url, null);
    }
  }

  // Loads the page anew: a browser may keep a module that failed once as failed until then. False where it has just been tried too often.
  let renewing = false;
  function renew() {
    if (renewing) return true;
    try {
      const before = JSON.parse(sessionStorage.getItem("lx-renewed") ?? "[]").filter(
        (at) => Date.now() - at < 60_000,
      );
      if (before.length >= RENEWALS) return false;
      sessionStorage.setItem("lx-renewed", JSON.stringify([...before, Date.now()]));
    } catch {
      return false; // a private window: nothing would end the renewals
    }
    renewing = true;
    location.reload();
    return true;
  }

  // The files that the browser was refused when it loaded the page.
  const refused = () =>
    performance
      .getEntriesByType("resource")
      .filter((/** @type {any} */ one) => waits(one.responseStatus) && !QUESTIONS.has(one.initiatorType))
      .map(({ name }) => name)
      .filter((url) => url.startsWith(location.origin));
  const ours = () =>
    [.../** @type {NodeListOf<HTMLLinkElement>} */ (document.querySelectorAll("link[rel=modulepreload]"))]
      .map(({ href }) => href)
      .filter((href) => href.includes("/lx/"));

  // A module by its import, `load`; where the element that it fills has waited long, this says so.
  async function bring(load, element) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await load();
      } catch (fault) {
        if (!(fault instanceof TypeError)) throw fault;
        const late = setTimeout(() => notLoaded(element, fault), LATE),
          here = await Promise.all([...new Set([...ours(), ...refused()])].map(arrive));
        clearTimeout(late);
        if (!attempt) continue;
        if (!here.every(Boolean) || !renew()) throw fault;
        return new Promise(() => {}); // nothing more happens on this page
      }
    }
  }

  function notLoaded(element, fault) {
    const text = element.querySelector(".part__waiting");
    if (text) text.textContent = sentence("page", "not_loaded");
    console.error(fault);
  }

  // ---- elements of the page: scripts and style sheets

  const renewed = (copy, element) => {
    copy.addEventListener("load", () => element.dispatchEvent(new Event("load")));
    element.replaceWith(copy);
  };

  async function lost(element) {
    const there = await arrive(element.src || element.href);
    if (element.rel === "modulepreload") return;
    if (!there) return void element.dispatchEvent(new Event("lost"));
    if (element.type === "module") return void renewAll();
    const copy = document.createElement(element.localName);
    for (const { name, value } of element.attributes) copy.setAttribute(name, value);
    renewed(copy, element);
  }

  async function renewAll() {
    await Promise.all(refused().map(arrive));
    renew();
  }

  addEventListener(
    "error",
    ({ target }) => {
      if (
        !(target instanceof Element) ||
        !target.matches("script[src], link[rel=stylesheet], link[rel=modulepreload]")
      )
        return;
      const { src, href } = /** @type {any} */ (target);
      if ((src || href).startsWith(location.origin)) lost(target);
    },
    true,
  );
  addEventListener("vite:preloadError", renewAll);

  Object.assign(window, { lxAgain: { delay, bring, notLoaded, tell } });
})();
