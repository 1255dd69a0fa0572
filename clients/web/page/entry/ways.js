// Owns the ways into the page, as the server tells them in the page itself.

/**
 * @typedef {{demo: boolean, token_url: string, frame_ancestors: string[]}} Ways
 *          `demo`: anybody may be anybody; `token_url`: where the host app gives tokens;
 *          `frame_ancestors`: the origins whose pages may show this one in a frame
 */

/** @returns {Ways} */
export function waysIn() {
  const told = document.querySelector('meta[name="linkup-ways-in"]')?.getAttribute("content");
  return { demo: false, token_url: "", frame_ancestors: [], ...JSON.parse(told || "{}") };
}
