// Owns a picture, film or sound at its full size, over the page.

import { h, icon } from "./dom.js";

/** @param {{name: string, media_type: string}} file @param {string} url */
export function openViewer(file, url) {
  const beside = (event) => event.target.tagName !== "IMG" && event.target.closest("a, button, video, audio") === null;
  const viewer = h(
    "dialog",
    {
      class: "viewer",
      "aria-label": file.name,
      on: { close: () => viewer.remove(), click: (event) => beside(event) && viewer.close() },
    },
    h(
      "header",
      {},
      h("bdi", {}, file.name),
      h("a", { class: "round", href: url, download: file.name, "aria-label": "Download" }, icon("load")),
      h("button", { type: "button", class: "round", "aria-label": "Close", on: { click: () => viewer.close() } }, icon("close")),
    ),
    mediumOf(file, url),
  );
  document.body.append(viewer);
  viewer.showModal();
}

function mediumOf({ name, media_type }, url) {
  if (media_type.startsWith("image/")) return h("img", { src: url, alt: name });
  const tag = media_type.startsWith("video/") ? "video" : "audio";
  return h(tag, { src: url, controls: true, autoplay: true });
}
