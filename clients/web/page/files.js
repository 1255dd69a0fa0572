// Owns how the files of messages look, and where their bytes are for the moment.

import { h, icon } from "./dom.js";
import { plainName } from "./names.js";
import { openViewer } from "./viewer.js";

const EARLY_MS = 10_000; // before a URL ends
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp)|video\/|audio\/)/u;
const UNITS = ["bytes", "KB", "MB", "GB"];

export class Files {
  #api;
  #toasts;
  #links = new Map(); // attachment_id → a promise of its URLs
  #wanted = new Map(); // the pictures that are not on the screen yet: node → file
  #watch = new IntersectionObserver((seen) => this.#seen(seen), { rootMargin: "300px" });

  /** @param {{client: any, toasts: any}} options */
  constructor({ client, toasts }) {
    this.#api = client.api;
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
    const again = () => this.#fill(image, file, true);
    image.addEventListener("error", again, { once: true }); // its URL has ended meanwhile
    this.#wanted.set(image, file);
    this.#watch.observe(image);
    const open = { type: "button", class: "picture", "aria-label": `Open ${name}` };
    return h("button", { ...open, on: { click: () => this.#open(file) } }, image);
  }

  #seen(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#watch.unobserve(target);
      this.#fill(target, this.#wanted.get(target), false);
      this.#wanted.delete(target);
    }
  }

  async #fill(image, file, anew) {
    try {
      const { thumbnail_url, url } = await this.#link(file, anew);
      image.src = thumbnail_url ?? url;
    } catch {
      image.alt = `${plainName(file.name)}: not available`;
    }
  }

  async #open(file) {
    try {
      const { url } = await this.#link(file, false);
      if (SHOWN.test(file.media_type)) openViewer(file, url, (anew) => this.#link(file, anew).then((link) => link.url));
      else h("a", { href: url, download: plainName(file.name) }).click();
    } catch (error) {
      this.#toasts.say(error.message);
    }
  }

  async #link({ attachment_id }, anew) {
    const known = anew ? null : await this.#links.get(attachment_id)?.catch(() => null);
    if (known && new Date(known.expires_at) - Date.now() > EARLY_MS) return known;
    const link = this.#api.attachment(attachment_id);
    this.#links.set(attachment_id, link);
    return link;
  }
}

/** @param {number} bytes */
export function sizeInWords(bytes) {
  const power = bytes ? Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3)) : 0;
  const digits = power && bytes / 1000 ** power < 10 ? 1 : 0;
  return `${(bytes / 1000 ** power).toFixed(digits)} ${UNITS[power]}`;
}
