// Owns what becomes of a message's text: links and nothing else, as DOM nodes.

import { h } from "./dom.js";
import { linksIn } from "./links.js";

const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u200d\ufe0f\s])+$/u;

/** @param {string} content @returns {(Node|string)[]} */
export function linkified(content) {
  const nodes = [];
  let end = 0;
  for (const { from, to, href } of linksIn(content)) {
    nodes.push(content.slice(end, from), anchor(href, content.slice(from, to)));
    end = to;
  }
  nodes.push(content.slice(end));
  return nodes.filter((node) => node !== "");
}

/** A few emoji and nothing else are shown large. @param {string} content */
export function isJumbo(content) {
  return content.length <= 24 && ONLY_EMOJI.test(content);
}

function anchor(href, shown) {
  return h("a", { href, rel: "noopener noreferrer nofollow", target: "_blank" }, shown);
}
