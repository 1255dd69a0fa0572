// Owns a picture, film or sound at its full size, over the page.

import { h, icon } from "./dom.js";
import { plainName } from "./names.js";
import { goOn, loadAgain } from "./player.js";

/**
 * @param {{name: string, media_type: string}} file @param {string} url
 * @param {(anew: boolean) => Promise<string>} link its URL for now; `anew`: the one before has ended
 */
export function openViewer(file, url, link) {
  const name = plainName(file.name);
  const beside = (event) => event.target.tagName !== "IMG" && event.target.closest("a, button, video, audio") === null;
  const viewer = h(
    "dialog",
    {
      class: "viewer",
      "aria-label": name,
      on: { close: () => viewer.remove(), click: (event) => beside(event) && viewer.close() },
    },
    h(
      "header",
      {},
      h("bdi", {}, name),
      download(name, url, link),
      h("button", { type: "button", class: "round", "aria-label": "Close", on: { click: () => viewer.close() } }, icon("close")),
    ),
    mediumOf(file.media_type, name, url, link),
  );
  document.body.append(viewer);
  viewer.showModal();
}

/** The URL it has may have ended while the viewer was open. */
function download(name, href, link) {
  const save = async (event) => {
    event.preventDefault();
    h("a", { href: await link(false).catch(() => href), download: name }).click();
  };
  return h("a", { class: "round", href, download: name, "aria-label": "Download", on: { click: save } }, icon("load"));
}

function mediumOf(type, name, src, link) {
  if (type.startsWith("image/")) return loadAgain(h("img", { src, alt: name }), link);
  const player = h(type.startsWith("video/") ? "video" : "audio", { src, controls: true, autoplay: true });
  return goOn(player, link);
}
