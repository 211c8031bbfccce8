// The sentences that page, card and README share, see static/texts/en.json; the numbers in them come with the catalogue.

const table = JSON.parse(document.getElementById("lx-texts").textContent);

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
