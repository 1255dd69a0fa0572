// Owns what this page learns of groups: who is in them, and what happens to them.

/** @typedef {import("./chat.js").Chat} Chat */

const MEMBERS_PAGE = 100;
const OF_MEMBERS = new Set(["member_added", "member_removed", "left", "role"]);
const RAISING = new Set(["created", "member_added"]); // as a message does

export class Groups {
  #api;
  #again;
  #me;
  #names;
  #on;
  #late = new WeakSet(); // chats of which it is asked until there is an answer
  #going = new WeakMap(); // chat → the question who is in it, and the one after that

  /**
   * @param {{api: any, again: import("./again.js").Again, me: string, names: Map<string, string>,
   *          on: {fetch: (conversationId: string) => Promise<Chat>, change: (chat: Chat|null) => void,
   *          raise: (chat: Chat) => void, left: (chat: Chat) => void}}} options
   */
  constructor({ api, again, me, names, on }) {
    this.#api = api;
    this.#again = again;
    this.#me = me;
    this.#names = names;
    this.#on = on;
  }

  /** Takes in a `conversation` frame of a group. @param {any} frame @param {Chat|undefined} chat */
  take(frame, chat) {
    if (!frame.member_count) return chat && this.#on.left(chat);
    if (!chat?.isListed) return this.#discover(frame);
    chat.takeGroup(frame);
    chat.notices.add(frame, chat.lastSeq);
    const isMet = chat.members.size || this.#going.has(chat); // what is asked may be answered as it was before
    if (isMet && OF_MEMBERS.has(frame.change)) this.meetAgain(chat);
    this.#tell(frame, chat);
  }

  /** Learns who is in a group. Asked meanwhile, it asks once more: the answer may be too old. */
  meet(chat) {
    const going = this.#going.get(chat);
    if (!going) return this.#ask(chat);
    going.again ??= going.answer.catch(() => {}).then(() => this.#ask(chat));
    return going.again;
  }

  /** Learns it sooner or later, unless the server refuses: who is known already may have changed. */
  async meetAgain(chat) {
    const met = await this.meet(chat).then(() => true, ({ temporary }) => !temporary);
    if (met || this.#late.has(chat)) return;
    this.#late.add(chat);
    await this.#again.until(() => this.meet(chat)).catch(() => {});
    this.#late.delete(chat);
  }

  #ask(chat) {
    const going = { again: null, answer: this.#load(chat).finally(() => this.#going.delete(chat)) };
    this.#going.set(chat, going);
    return going.answer;
  }

  async #load(chat) {
    const all = [];
    let cursor;
    let after;
    try {
      do {
        const page = await this.#api.members(chat.conversationId, { limit: MEMBERS_PAGE, after });
        all.push(...page.members);
        cursor ??= page.cursor; // all pages are as new as the first, or newer
        after = page.next;
      } while (after);
    } catch (error) {
      chat.notices.settle();
      this.#on.change(chat);
      throw error;
    }
    for (const { user_id, name } of all) if (name) this.#names.set(user_id, name);
    chat.takeMembers(all);
    chat.notices.resolve(chat.members, cursor);
    this.#on.change(null); // names are everywhere
  }

  /** Asks for what this user just came into, or what was too far down the inbox. */
  async #discover(frame) {
    const chat = await this.#on.fetch(frame.conversation_id).catch(() => null);
    if (!chat) return;
    chat.error = "";
    // Who joins has read what was said before: that is where they came in.
    chat.notices.add(frame, this.#isJoining(frame) ? chat.readSeq : chat.lastSeq);
    this.#tell(frame, chat);
  }

  #isJoining({ change, user_ids }) {
    return change === "created" || (change === "member_added" && (user_ids?.includes(this.#me) ?? true));
  }

  #tell({ change }, chat) {
    if (RAISING.has(change)) this.#on.raise(chat);
    else this.#on.change(chat);
  }
}
