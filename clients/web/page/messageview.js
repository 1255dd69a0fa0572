// Owns the window about an own message: when it was sent, who has it, who has read it.

import { excerpt } from "./bubble.js";
import { h } from "./dom.js";
import { Foot } from "./foot.js";
import { Pace } from "./pace.js";
import { Progress, toldByEmail } from "./progress.js";
import { ReceiptList } from "./receiptlist.js";
import { openSheet } from "./sheet.js";
import { told } from "./time.js";

const GAP_MS = 2_000; // a group of five hundred reads at once

export class MessageView {
  #chats;
  #client;
  #chat;
  #progress;
  #list;
  #email = h("p", { class: "quiet", hidden: true });
  #foot;
  #closed = new AbortController();
  #pace = new Pace(() => this.#refresh(), GAP_MS);

  /**
   * @param {{chats: any, client: any, again: import("./again.js").Again,
   *          chat: import("./chat.js").Chat, message: any}} options
   */
  constructor({ chats, client, again, chat, message }) {
    this.#chats = chats;
    this.#client = client;
    this.#chat = chat;
    this.#progress = new Progress({ api: client.api, messageId: message.message_id });
    this.#list = new ReceiptList({ chat, message });
    const onMore = () => this.#load(() => this.#progress.more());
    this.#foot = new Foot({ rest: this.#list.element, again, onMore });
    const quote = h("p", { class: "reported" }, h("bdi", {}, excerpt(message)));
    const sheet = openSheet(
      { title: "Message info", onClose: this.#listen(() => sheet.close()) },
      quote,
      this.#list.element,
      this.#email,
      this.#foot.element,
    );
    this.#show();
    this.#pace.ask();
    const emails = again.until(() => this.#progress.askEmails(), { signal: this.#closed.signal });
    emails.then(() => this.#show(), () => {}); // without its line nothing is missing
  }

  /** @returns {() => void} to stop it */
  #listen(close) {
    const { conversationId } = this.#chat;
    const moved = ({ detail }) => detail.conversation_id === conversationId && this.#pace.ask();
    const lost = () => this.#pace.ask();
    const left = ({ detail }) => detail === this.#chat && close();
    const heard = [
      [this.#client, "receipt", moved],
      [this.#client, "conversation", moved], // who leaves is no longer asked about
      [this.#client, "resync", lost],
      [this.#chats, "left", left],
    ];
    for (const [source, type, act] of heard) source.addEventListener(type, act);
    return () => {
      this.#closed.abort();
      this.#foot.close();
      this.#pace.stop();
      for (const [source, type, act] of heard) source.removeEventListener(type, act);
    };
  }

  #refresh() {
    return this.#foot.load(() => this.#load(() => this.#progress.refresh()));
  }

  async #load(act) {
    await act();
    this.#show();
  }

  #show() {
    this.#list.show(this.#progress);
    this.#foot.show(this.#progress.goesOn);
    const email = toldByEmail(this.#progress, this.#chat.isGroup);
    this.#email.hidden = !email;
    if (email) this.#email.replaceChildren(`${email.words} `, told("moment", email.at));
  }
}
