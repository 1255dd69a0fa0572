// Owns what was written but not yet acknowledged, across reloads: the only module on IndexedDB.

/**
 * One message on its way. `n` is its place in the outbox and the order of sending.
 * @typedef {{n?: number, user_id: string, client_id: string, to?: string,
 *            conversation_id?: string, content: string, created_at: string,
 *            failed?: {code: string, message: string}}} OutboxItem
 */

const DATABASE = "linkup";
const STORE = "outbox";

export class Outbox {
  #userId;
  #database; // null where the browser grants no storage: then the outbox lives as long as the page
  #memory = new Map();
  #last = 0;

  /** @param {string} userId */
  constructor(userId) {
    this.#userId = userId;
    this.#database = open().catch(() => null);
  }

  /** Stores a new item and gives it its place. @param {OutboxItem} item */
  async add(item) {
    const n = await this.#run("readwrite", (store) => store.add(item)).catch(() => null);
    item.n = n ?? Date.now() * 1000 + (this.#last++ % 1000);
    if (n === null) this.#memory.set(item.n, item);
    return item;
  }

  /** @param {OutboxItem} item */
  async update(item) {
    if (this.#memory.has(item.n)) return;
    await this.#run("readwrite", (store) => store.put(item)).catch(() => null);
  }

  /** @param {string} clientId */
  async remove(clientId) {
    for (const [n, item] of this.#memory) if (item.client_id === clientId) this.#memory.delete(n);
    const owner = [this.#userId, clientId];
    const n = await this.#run("readonly", (store) => store.index("owner").getKey(owner)).catch(
      () => undefined,
    );
    if (n !== undefined && n !== null) {
      await this.#run("readwrite", (store) => store.delete(n)).catch(() => null);
    }
  }

  /** Everything of this user, in the order it was written. @returns {Promise<OutboxItem[]>} */
  async items() {
    const range = IDBKeyRange.bound([this.#userId], [this.#userId, []]);
    const stored = await this.#run("readonly", (store) => store.index("owner").getAll(range)).catch(
      () => null,
    );
    return [...(stored ?? []), ...this.#memory.values()].sort((a, b) => a.n - b.n);
  }

  async #run(mode, ask) {
    const database = await this.#database;
    if (!database) return null;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
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
