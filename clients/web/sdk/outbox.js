// Owns what was written but not yet acknowledged, across reloads: the only module on IndexedDB.

/**
 * One message on its way. `n` is its place in the outbox and the order of sending.
 * @typedef {{n?: number, user_id: string, client_id: string, to?: string,
 *            conversation_id?: string, content: string, reply_to?: number,
 *            attachments?: import("./api.js").Attachment[], created_at: string, failed?: {code: string, message: string}}} OutboxItem
 */

const DATABASE = "linkup";
const STORE = "outbox";

/**
 * IndexedDB takes a moment to store an item, and a page may be gone in that moment. So an item is
 * first put down in the session storage of the tab, which is synchronous, and stays there where
 * the browser grants no database.
 */
export class Outbox {
  #userId;
  #database;
  #noted; // the items that are not in the database
  #recovered;

  /** @param {string} userId */
  constructor(userId) {
    this.#userId = userId;
    this.#noted = this.#read();
    this.#database = open().catch(() => null);
    this.#recovered = this.#recover([...this.#noted]);
  }

  /** Stores a new item and gives it its place. @param {OutboxItem} item */
  async add(item) {
    this.#note([...this.#noted, item]);
    await this.#recovered; // what an earlier page left goes first
    return this.#store(item);
  }

  /** @param {OutboxItem} item */
  async update(item) {
    if (this.#noted.includes(item)) this.#note(this.#noted);
    else await this.#run("readwrite", (store) => store.put(item)).catch(() => null);
  }

  /** @param {string} clientId */
  async remove(clientId) {
    this.#forget(clientId);
    const owner = [this.#userId, clientId];
    const byOwner = (store) => store.index("owner").getKey(owner);
    const n = await this.#run("readonly", byOwner).catch(() => null);
    if (n) await this.#run("readwrite", (store) => store.delete(n)).catch(() => null);
  }

  /** Returns everything of this user, in the order it was written. @returns {Promise<OutboxItem[]>} */
  async items() {
    await this.#recovered;
    const range = IDBKeyRange.bound([this.#userId], [this.#userId, []]);
    const ofUser = (store) => store.index("owner").getAll(range);
    const stored = (await this.#run("readonly", ofUser).catch(() => null)) ?? [];
    const known = new Set(stored.map(({ client_id }) => client_id));
    const noted = this.#noted.filter((item) => item.n && !known.has(item.client_id));
    return [...stored, ...noted].sort((a, b) => a.n - b.n);
  }

  async #store(item) {
    const { n: _, ...fresh } = item;
    try {
      item.n = await this.#run("readwrite", (store) => store.add(fresh));
    } catch (error) {
      if (error?.name !== "ConstraintError") item.n = undefined;
      else return this.#forget(item.client_id); // it is there already
    }
    if (item.n) this.#forget(item.client_id);
    else this.#keepNoted(item);
  }

  #keepNoted(item) {
    item.n = Math.max(Date.now(), ...this.#noted.map(({ n }) => (n ?? 0) + 1));
    this.#note(this.#noted);
  }

  async #recover(items) {
    for (const item of items) await this.#store(item);
  }

  #forget(clientId) {
    this.#note(this.#noted.filter(({ client_id }) => client_id !== clientId));
  }

  get #key() {
    return `linkup.outbox.${this.#userId}`;
  }

  #read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key)) ?? [];
    } catch {
      return [];
    }
  }

  #note(items) {
    this.#noted = items;
    try {
      if (items.length) sessionStorage.setItem(this.#key, JSON.stringify(items));
      else sessionStorage.removeItem(this.#key);
    } catch {
      // No storage of any kind: the outbox lives as long as the page.
    }
  }

  async #run(mode, ask) {
    const database = await this.#database;
    if (!database) return null;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
      transaction.commit?.(); // at once: a page that goes away takes open transactions with it
    });
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { keyPath: "n", autoIncrement: true });
      store.createIndex("owner", ["user_id", "client_id"], { unique: true });
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
}
