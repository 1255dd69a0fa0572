// Owns how far an own message has come with whom it was for, as the server tells it by pages.

const PAGE = 50;
const NAMED = 32; // of so many the server tells the e-mails

/**
 * @typedef {{user_id: string, name: string|null, delivered: boolean, read: boolean,
 *            delivered_at: string|null, read_at: string|null}} Receipt
 * @typedef {{all: number, delivered: number, read: number}} Counts
 */

export class Progress {
  /** The receipts of the first of them, by user id. @type {Receipt[]} */
  receipts = [];
  /** The counts of all of them; null until they are known. @type {Counts|null} */
  counts = null;
  /** Who got an e-mail about it, and when. @type {{user_id: string, at: string}[]} */
  emails = [];
  #api;
  #messageId;
  #next = null;
  #turn = Promise.resolve(); // an older answer must not come after a newer one

  /** @param {{api: any, messageId: number}} options */
  constructor({ api, messageId }) {
    this.#api = api;
    this.#messageId = messageId;
  }

  /** Returns whether there are more of them. */
  get goesOn() {
    return this.#next !== null;
  }

  /** Loads the next page. @returns {Promise<void>} */
  more() {
    return this.#inTurn(() => this.goesOn && this.#load(this.receipts, this.#next, 0));
  }

  /** Loads all pages that were asked for anew. @returns {Promise<void>} */
  refresh() {
    return this.#inTurn(() => this.#load([], undefined, this.receipts.length));
  }

  /** Learns what became of its e-mails. @returns {Promise<void>} */
  async askEmails() {
    const { steps, notifications } = await this.#api.timeline(this.#messageId);
    if (notifications === "complete") this.emails = steps.filter(isSentEmail);
  }

  #inTurn(act) {
    this.#turn = this.#turn.catch(() => {}).then(act);
    return this.#turn;
  }

  async #load(before, after, least) {
    const receipts = [...before];
    let page;
    do {
      page = await this.#api.receipts(this.#messageId, { limit: PAGE, after });
      receipts.push(...page.receipts);
      after = page.next;
    } while (page.next !== null && receipts.length < least);
    const { member_count, delivered_count, read_count } = page;
    this.receipts = receipts;
    this.counts = { all: member_count, delivered: delivered_count, read: read_count };
    this.#next = page.next;
  }
}

const isSentEmail = ({ step, channel, outcome }) =>
  step === "notification" && channel === "email" && outcome === "sent";

/**
 * Who stands where, each in one of three lists, with how many there are of all; empty ones are left
 * out.
 * @param {Receipt[]} receipts @param {Counts} counts
 * @returns {{name: string, count: number, people: {user_id: string, name: string|null,
 *            at: string|null}[]}[]}
 */
export function listsOf(receipts, { all, delivered, read }) {
  const list = (name, count, whose, time) => {
    const people = receipts.filter(whose).map((one) => ({ ...one, at: time && one[time] }));
    return { name, count, people };
  };
  return [
    list("Read by", read, (one) => one.read, "read_at"),
    list("Delivered to", delivered - read, (one) => one.delivered && !one.read, "delivered_at"),
    list("Not yet", all - delivered, (one) => !one.delivered, null),
  ].filter(({ count, people }) => count > 0 || people.length);
}

/**
 * What is said of its e-mails, before the time of the last one; null: nobody got one.
 * @param {{emails: {user_id: string, at: string}[], counts: Counts|null}} progress
 * @param {boolean} among there may be several whom it was for
 * @returns {{words: string, at: string}|null}
 */
export function toldByEmail({ emails, counts }, among) {
  if (!emails.length) return null;
  const { at } = emails.at(-1); // the server has them in the order of their time
  if (!among) return { words: "E-mail sent", at };
  const least = counts?.all > NAMED ? "at least " : "";
  const last = emails.length > 1 ? ", the last" : "";
  return { words: `E-mail sent to ${least}${emails.length} of them${last}`, at };
}
