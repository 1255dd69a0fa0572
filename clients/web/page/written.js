// Owns what counts as written in a field: nothing, if there is nothing to see in it.

// As the server has it: controls, Unicode's own list of what is not drawn, and signs drawn blank.
const BLANK = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{16fe4}\u{1d159}]*$/u;

/** Returns the text without white space around it. @param {string} text @returns {string} */
export function written(text) {
  return BLANK.test(text) ? "" : text.trim();
}
