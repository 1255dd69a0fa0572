// Owns what becomes of a message's text: links and nothing else, as DOM nodes.

import { h } from "./dom.js";

const LINK = /https?:\/\/[^\s<>"'`]+/giu;
const TRAILING = /[.,;:!?…)\]}]+$/u;
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u200d\ufe0f\s])+$/u;

/** @param {string} content @returns {(Node|string)[]} */
export function linkified(content) {
  const nodes = [];
  let end = 0;
  for (const found of content.matchAll(LINK)) {
    const shown = trimmed(found[0]);
    const link = anchor(shown);
    if (!link) continue;
    nodes.push(content.slice(end, found.index), link);
    end = found.index + shown.length;
  }
  nodes.push(content.slice(end));
  return nodes.filter((node) => node !== "");
}

/** A few emoji and nothing else are shown large. @param {string} content */
export function isJumbo(content) {
  return content.length <= 24 && ONLY_EMOJI.test(content);
}

function anchor(shown) {
  if (!URL.canParse(shown)) return null;
  return h("a", { href: shown, rel: "noopener noreferrer nofollow", target: "_blank" }, shown);
}

/** Punctuation behind a link belongs to the sentence; a closing bracket it opened belongs to it. */
function trimmed(link) {
  let shown = link.replace(TRAILING, "");
  while (link[shown.length] === ")" && count(shown, "(") > count(shown, ")")) {
    shown = link.slice(0, shown.length + 1);
  }
  return shown;
}

const count = (text, character) => text.split(character).length - 1;
