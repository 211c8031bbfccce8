// The sentences that page, card and README share, see static/texts/en.json; the numbers in them come with the catalogue.

const table = JSON.parse(document.getElementById("lx-texts").textContent);
const form = new Intl.PluralRules("en");

/**
 * A sentence or a table of sentences, `sentence("metrics", "elbo")`; undefined where there is none.
 * @param {...string} keys
 */
export const sentence = (...keys) => keys.reduce((at, key) => at?.[key], table);

/**
 * A sentence with its numbers in their places; a place nothing is known of stays as it is.
 * @param {string} text
 * @param {Record<string, unknown>} known
 */
export const fillIn = (text, known = {}) =>
  text.replace(/\{(\w+)\}/g, (whole, key) => (key in known ? String(known[key]) : whole));

// What stands at `map.news.undone`; of {"one": …, "other": …} the form that the number n asks for.
function found(key, known) {
  const at = sentence(...key.split(".")),
    text = at?.other === undefined ? at : (at[form.select(Number(known.n))] ?? at.other);
  // eslint-disable-next-line no-restricted-syntax -- for programmers
  if (typeof text !== "string") console.error(`texts/en.json has no sentence ${key}`);
  return text ?? key;
}

/**
 * A sentence by its key, `say("map.pick.chosen", { n: 3 })`.
 * @param {string} key
 * @param {Record<string, unknown>} known
 * @returns {string}
 */
export const say = (key, known = {}) => fillIn(found(key, known), known);

/**
 * The same with elements in its places, as the children of one: `h("p", {}, saying("tabs.costs.falls", { kl: term("kl") }))`.
 * @param {string} key
 * @param {Record<string, unknown>} known
 * @returns {(string | Node)[]}
 */
export const saying = (key, known = {}) =>
  found(key, known)
    .split(/(\{\w+\})/)
    .filter(Boolean)
    .map((part) => {
      const value = part.startsWith("{") ? known[part.slice(1, -1)] : undefined;
      return value instanceof Node ? value : String(value ?? part);
    });
