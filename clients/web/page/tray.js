// Owns the files beside the text that is being written: on their way up, ready, or refused.

import { place } from "./children.js";
import { h, icon } from "./dom.js";
import { explain } from "./explain.js";
import { sizeInWords } from "./files.js";
import { isolated, plainName } from "./names.js";

const MOST = 10; // a message
const AT_ONCE = 3; // below what the server lets a user do

export class Tray {
  element = h("ul", { class: "tray", "aria-label": "Files to send", hidden: true });
  #api;
  #again;
  #on;
  #items = [];

  /**
   * @param {{client: any, again: import("./again.js").Again, on: {change: () => void, refused: (text: string) => void}}} options
   */
  constructor({ client, again, on }) {
    this.#api = client.api;
    this.#again = again;
    this.#on = on;
  }

  get isEmpty() {
    return !this.#items.length;
  }

  /** Returns whether everything is uploaded. */
  get isReady() {
    return this.#items.every(({ attachment }) => attachment);
  }

  /** @param {Iterable<File>} files */
  add(files) {
    for (const file of files) {
      if (this.#items.length >= MOST) {
        this.#on.refused(`A message can have at most ${MOST} files`);
        break;
      }
      this.#items.push(this.#item(file));
    }
    this.#changed();
  }

  /** Takes out what to send; nothing is left here. @returns {any[]} */
  take() {
    const attachments = this.#items.map(({ attachment }) => attachment);
    this.#items = [];
    this.#changed();
    return attachments;
  }

  clear() {
    for (const { stop } of this.#items) stop.abort();
    this.#items = [];
    this.#changed();
  }

  #item(file) {
    const shown = plainName(file.name);
    const bar = h("progress", { max: "1", value: "0", "aria-label": `Uploading ${shown}` });
    const facts = h("span", { class: "facts" }, sizeInWords(file.size));
    const item = { file, bar, facts, stop: new AbortController(), begun: false, attachment: null };
    const out = { type: "button", "aria-label": `Remove ${shown}`, on: { click: () => this.#drop(item) } };
    const name = h("bdi", { class: "file-name" }, shown);
    const about = h("span", { class: "about" }, name, facts, bar);
    item.node = h("li", {}, icon("file"), about, h("button", out, icon("close")));
    return item;
  }

  #changed() {
    const under_way = this.#items.filter(({ begun, attachment }) => begun && !attachment).length;
    const waiting = this.#items.filter(({ begun }) => !begun);
    for (const item of waiting.slice(0, AT_ONCE - under_way)) this.#upload(item);
    this.element.hidden = this.isEmpty;
    place(this.element, this.#items.map(({ node }) => node));
    this.#on.change();
  }

  async #upload(item) {
    const { file, bar, facts, stop } = item;
    item.begun = true;
    try {
      const onProgress = (share) => (bar.value = share);
      const { signal } = stop;
      const onFailed = (error) => (facts.textContent = error.message);
      const send = () => this.#api.upload(file, { onProgress, signal });
      item.attachment = await this.#again.until(send, { signal, onFailed });
      facts.textContent = sizeInWords(file.size);
      bar.hidden = true;
    } catch (error) {
      if (stop.signal.aborted) return;
      this.#items = this.#items.filter((one) => one !== item);
      this.#on.refused(`${isolated(file.name)}: ${explain(error)}`);
    }
    this.#changed();
  }

  #drop(item) {
    item.stop.abort();
    this.#items = this.#items.filter((one) => one !== item);
    this.#changed();
  }
}
