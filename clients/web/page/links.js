// Owns where a text has links: web addresses with or without a scheme, and mail addresses. Pure.
//
// It follows what linkify-it and the autolinks of GitHub agree on. A link ends where no address goes on: at
// white space, at quotes, at emoji, and at all punctuation of other scripts.

const LABEL = String.raw`[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_-]{0,62}[\p{L}\p{M}\p{N}_])?`;
const HOST = String.raw`(?:${LABEL}(?:\.${LABEL})*|\[[\da-f:.]{2,45}\])`;
const USER = String.raw`(?:[\w.~%!$&'*+,;=:-]{1,128}@)?`;
const PORT = String.raw`(?::\d{1,5})?`;
// Without a scheme only what is surely a host: one of the old domains, or behind "www.".
const WORD = String.raw`\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{M}\p{N}_`;
const PART = String.raw`[${WORD}](?:[${WORD}-]{0,62}[${WORD}])?\.`;
const TOP = String.raw`(?:xn--[a-z\d-]{2,59}|[a-z]{2,63}|\p{L}{2,63})(?![a-z\d_@-]|\.[a-z\d])`;
const OLD = String.raw`(?:com|net|org|edu|gov|info|biz)(?![a-z\d_@-]|\.[a-z\d])`;
const LOCAL = String.raw`\w.%+'&=-`;

const CANDIDATE = new RegExp(
  [
    String.raw`(?<![a-z\d+])https?:\/\/${USER}${HOST}${PORT}`,
    String.raw`(?<mail>(?<![\w.%+&=-])(?:mailto:)?[a-z\d_][${LOCAL}]{0,63}@(?:${PART}){1,10}${TOP})`,
    String.raw`(?<bare>(?<![${WORD}@/.\\-])(?:www\.(?:${PART}){1,10}${TOP}|(?:${PART}){1,10}${OLD})${PORT})`,
  ].join("|"),
  "giu",
);
/** A name of a country or "com" never goes on in another script: there the sentence does. */
const FOREIGN_END = /^(https?:\/\/[^/]*?\.[a-z]{2,63})(?=(?!\p{Script=Latin})[^\x00-\x7f])[^.]*$/iu;

const INSIDE = /[\p{L}\p{M}\p{N}\u200c\u200d!#$%&()*+,./:;=?@[\]^_{}~-]/u;
const BETWEEN = /['’·・–—‐]/u; // two letters
const WRITTEN = /[\p{L}\p{N}]/u;
const OPENED_BY = { ")": "(", "]": "[", "}": "{" };
const TRAILING = /(?:(?![/_\-#%&@)\]}])\p{P}|\u200c|\u200d)+$/u;

/**
 * @param {string} text
 * @returns {{from: number, to: number, href: string}[]} in their order; `to`: behind the last character
 */
export function linksIn(text) {
  const links = [];
  CANDIDATE.lastIndex = 0;
  for (let found = CANDIDATE.exec(text); found; found = CANDIDATE.exec(text)) {
    const { mail, bare } = found.groups;
    const shown = mail ?? whole(text, found);
    const href = hrefOf(shown, mail, bare);
    const isCut = text[found.index + shown.length] === "@"; // its host is behind that
    if (isCut || !URL.canParse(href)) continue;
    links.push({ from: found.index, to: found.index + shown.length, href });
    CANDIDATE.lastIndex = found.index + shown.length;
  }
  return links;
}

function hrefOf(shown, mail, bare) {
  if (bare) return `http://${shown}`;
  return mail && !/^mailto:/iu.test(mail) ? `mailto:${mail}` : shown;
}

/** The host, and what stands behind it. */
function whole(text, { 0: head, index }) {
  const foreign = head.match(FOREIGN_END);
  if (foreign) return foreign[1];
  const from = index + head.length;
  if (!/[/?#]/u.test(text[from] ?? "")) return head;
  const rest = unwrapped(restAt(text, from), text[index - 1]);
  return head + rest;
}

/** Up to a character that no address has, a bracket without its other, or the next address of a list. */
function restAt(text, from) {
  const open = []; // brackets, and where they stand
  let at = from;
  while (at < text.length) {
    const character = String.fromCodePoint(text.codePointAt(at));
    if (!goesOn(text, at, character)) break;
    if ("([{".includes(character)) open.push([character, at]);
    else if (OPENED_BY[character] && open.pop()?.[0] !== OPENED_BY[character]) break;
    at += character.length;
  }
  return text.slice(from, open[0]?.[1] ?? at).replace(TRAILING, "");
}

function goesOn(text, at, character) {
  if (BETWEEN.test(character)) return WRITTEN.test(text[at - 1]) && WRITTEN.test(text[at + 1] ?? "");
  if (/[,;]/u.test(character) && /^https?:\/\//iu.test(text.slice(at + 1, at + 9))) return false;
  return INSIDE.test(character);
}

/** Without the signs of emphasis that stand before it as well. */
function unwrapped(rest, before) {
  if (before !== "_" && before !== "~") return rest;
  let end = rest.length;
  while (rest[end - 1] === before) end -= 1;
  return rest.slice(0, end);
}
