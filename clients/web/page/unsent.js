// Owns what this user has written and how it ended, in the chats that it belongs to.

/** The client tells it, from any tab: each thing perhaps twice. */
export class Unsent {
  #directory;
  #settled = new Set();
  #on;

  /**
   * @param {{client: any, directory: import("./directory.js").Directory,
   *          onChange: (chat: any) => void, onNew: () => void}} options
   *        `onNew`: somebody was written to for the first time
   */
  constructor({ client, directory, onChange, onNew }) {
    this.#directory = directory;
    this.#on = { change: onChange, new: onNew };
    client.addEventListener("queued", (event) => this.queued(event.detail));
    client.addEventListener("acked", (event) => this.#acked(client.userId, event.detail));
    client.addEventListener("failed", (event) => this.#failed(event.detail));
    client.addEventListener("discarded", (event) => this.#discarded(event.detail));
  }

  /** Forgets an own message that is known to be stored. */
  settled(clientId) {
    this.#settled.add(clientId);
  }

  queued(item) {
    if (this.#settled.has(item.client_id)) return;
    const directory = this.#directory;
    const chat = item.to === undefined ? directory.group(item.conversation_id) : directory.with(item.to);
    if (chat.pending.some(({ client_id }) => client_id === item.client_id)) return;
    chat.pending.push(item);
    directory.toTop(chat);
    this.#on.change(chat);
  }

  #acked(me, ack) {
    this.#settled.add(ack.client_id);
    const [chat, item] = this.#pendingOf(ack.client_id);
    if (!chat) return;
    const isNew = !chat.conversationId;
    this.#directory.adopt(chat, ack.conversation_id);
    const { content, reply_to, attachments } = item;
    chat.add({ ...ack, content, reply_to, attachments, sender_id: me });
    if (isNew) this.#on.new();
    this.#on.change(chat);
  }

  #failed(item) {
    const [chat, pending] = this.#pendingOf(item.client_id);
    if (!chat) return;
    pending.failed = item.failed;
    this.#on.change(chat);
  }

  #discarded({ client_id }) {
    const [chat] = this.#pendingOf(client_id);
    if (!chat) return;
    chat.drop(client_id);
    this.#on.change(chat);
  }

  #pendingOf(clientId) {
    for (const chat of this.#directory.all) {
      const item = chat.pending.find(({ client_id }) => client_id === clientId);
      if (item) return [chat, item];
    }
    return [null, null];
  }
}
