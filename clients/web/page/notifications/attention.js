// Owns what the tab says about unread things: a number in its title, a dot on its icon.

import { once } from "../dom.js";
import { capped } from "./bell.js";

const ICONS = { read: "/static/icon.svg", unread: "/static/icon-unread.svg" };

/**
 * @param {{title: string, count: () => number, sources: EventTarget[]}} options
 *        `count` is asked after each `change` of a source
 */
export function attention({ title, count, sources }) {
  const link = document.querySelector("link[rel=icon]");
  const show = once(() => {
    const unread = count();
    document.title = unread ? `(${capped(unread)}) ${title}` : title;
    const href = ICONS[unread ? "unread" : "read"];
    if (link && link.getAttribute("href") !== href) link.setAttribute("href", href);
  });
  for (const source of sources) source.addEventListener("change", show);
}
