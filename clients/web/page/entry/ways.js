// Owns reading what the server writes into the page: the ways to sign in, and the origins of pictures.

/**
 * @typedef {{demo: boolean, token_url: string, frame_ancestors: string[], avatar_origins: string[]}} Ways
 *          `demo`: anybody may be anybody; `token_url`: where the host app gives tokens;
 *          `frame_ancestors`: the origins whose pages may show this one in a frame;
 *          `avatar_origins`: those from which pictures of people are shown
 */

/** @returns {Ways} */
export function waysIn() {
  const told = document.querySelector('meta[name="linkup-ways-in"]')?.getAttribute("content");
  const nothing = { demo: false, token_url: "", frame_ancestors: [], avatar_origins: [] };
  return { ...nothing, ...JSON.parse(told || "{}") };
}
