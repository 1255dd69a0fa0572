// Owns how the files of messages look, and when their pictures are loaded.

import { h, icon } from "./dom.js";
import { explain } from "./explain.js";
import { FileUrls } from "./fileurls.js";
import { plainName } from "./names.js";
import { openViewer } from "./viewer.js";

const TRIES = 3; // of a picture whose bytes seem to be there
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp)|video\/|audio\/)/u;
const UNITS = ["bytes", "KB", "MB", "GB"];

export class Files {
  #api;
  #again;
  #toasts;
  #urls;
  #wanted = new Map(); // the pictures that are not on the screen yet: node → file
  #watch = new IntersectionObserver((seen) => this.#seen(seen), { rootMargin: "300px" });

  /** @param {{client: any, again: import("./again.js").Again, toasts: any}} options */
  constructor({ client, again, toasts }) {
    this.#api = client.api;
    this.#again = again;
    this.#urls = new FileUrls({ api: client.api, again, likely: () => this.#unseen() });
    this.#toasts = toasts;
  }

  /** @param {any} file @param {boolean} stored whether it belongs to a message by now */
  show(file, stored) {
    if (stored && file.thumbnail) return this.#picture(file);
    const shown = plainName(file.name);
    const facts = h("span", { class: "facts" }, sizeInWords(file.size));
    const name = h("bdi", { class: "file-name" }, shown);
    const plays = SHOWN.test(file.media_type);
    const properties = {
      type: "button",
      class: "file",
      disabled: !stored,
      "aria-label": `${plays ? "Open" : "Download"} ${shown}, ${sizeInWords(file.size)}`,
      on: { click: () => this.#open(file) },
    };
    return h("button", properties, icon(plays ? "play" : "file"), h("span", { class: "about" }, name, facts));
  }

  #picture(file) {
    const { width, height } = file;
    const name = plainName(file.name);
    const image = h("img", { alt: name, width: String(width), height: String(height), decoding: "async" });
    this.#wanted.set(image, file);
    this.#watch.observe(image);
    const open = { type: "button", class: "picture", "aria-label": `Open ${name}` };
    return h("button", { ...open, on: { click: () => this.#open(file) } }, image);
  }

  /** Returns the pictures that may come into view, the latest first: one scrolls up. */
  #unseen() {
    const there = [...this.#wanted].filter(([image]) => image.isConnected);
    return there.reverse().map(([, { attachment_id }]) => attachment_id);
  }

  #seen(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#watch.unobserve(target);
      this.#fill(target, this.#wanted.get(target));
      this.#wanted.delete(target);
    }
  }

  /** Shows it, sooner or later, unless there is nothing to show. */
  async #fill(image, { attachment_id, name }) {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const link = await this.#urls.soon(attachment_id).catch(() => null);
      if (!link) break;
      const url = link.thumbnail_url ?? link.url;
      if (await shows(image, url)) return;
      // Waits while the server is in trouble. If it refuses, the URL has ended, or the file.
      await this.#again.until(() => this.#api.probe(url)).catch(() => this.#urls.forget(attachment_id));
    }
    image.alt = `${plainName(name)}: not available`;
  }

  async #open(file) {
    try {
      const { url } = await this.#urls.now(file.attachment_id);
      if (SHOWN.test(file.media_type)) openViewer(file, url, (anew) => this.#urlOf(file, anew));
      else h("a", { href: url, download: plainName(file.name) }).click();
    } catch (error) {
      this.#toasts.say(explain(error));
    }
  }

  async #urlOf({ attachment_id }, anew) {
    if (anew) this.#urls.forget(attachment_id);
    return (await this.#urls.now(attachment_id)).url;
  }
}

/** @returns {Promise<boolean>} whether there is a picture at that URL */
function shows(image, url) {
  return new Promise((told) => {
    image.onload = () => told(true);
    image.onerror = () => told(false);
    image.src = url;
  });
}

/** @param {number} bytes */
export function sizeInWords(bytes) {
  const power = bytes ? Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3)) : 0;
  const digits = power && bytes / 1000 ** power < 10 ? 1 : 0;
  return `${(bytes / 1000 ** power).toFixed(digits)} ${UNITS[power]}`;
}
