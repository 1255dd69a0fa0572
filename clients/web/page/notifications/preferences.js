// Owns the notification preferences of the user: as the server has them, and each change of them.

/**
 * @typedef {{notification_type: string, enabled: boolean, realtime: boolean, push: boolean,
 *            email: boolean}} TypePreference
 * @typedef {{types: TypePreference[], quiet_hours: {start: string, end: string}|null,
 *            time_zone: string|null, digest: "off"|"hourly"|"daily"|"weekly"}} Known
 */

/** Emits `change`; and `saved`, or `refused` with the error as `detail`, once no change is pending. */
export class Preferences extends EventTarget {
  /** The preferences with the changes that are pending; null until they are loaded. @type {Known|null} */
  known = null;
  #api;
  #stored = null; // as the server has answered last
  #pending = Promise.resolve();
  #waiting = 0;

  /** @param {{client: any}} options */
  constructor({ client }) {
    super();
    this.#api = client.api;
  }

  async load() {
    this.#take(await this.#api.notificationPreferences());
  }

  /** @param {string} type @returns {TypePreference|undefined} */
  of(type) {
    return this.known?.types.find(({ notification_type }) => notification_type === type);
  }

  /** @param {string} type @param {Partial<TypePreference>} change */
  setType(type, change) {
    return this.set({ types: [{ ...this.of(type), ...change }] });
  }

  /**
   * Shown at once, and stored in order. After a refusal the page shows what the server has.
   * @param {Partial<Known>} changes `types`: only those that change
   */
  set(changes) {
    this.known = merged(this.known, changes);
    this.dispatchEvent(new Event("change"));
    this.#waiting += 1;
    this.#pending = this.#pending.then(() => this.#store(changes));
    return this.#pending;
  }

  async #store(changes) {
    try {
      this.#stored = await this.#api.putNotificationPreferences(changes);
      this.#settled(new Event("saved"));
    } catch (error) {
      this.#settled(new CustomEvent("refused", { detail: error }));
    }
  }

  #settled(event) {
    this.#waiting -= 1;
    const refused = event.type === "refused";
    if (!this.#waiting || refused) this.#take(this.#stored);
    if (!this.#waiting || refused) this.dispatchEvent(event);
  }

  #take(answer) {
    this.#stored = answer;
    this.known = answer;
    this.dispatchEvent(new Event("change"));
  }
}

function merged(known, { types = [], ...others }) {
  const changed = new Map(types.map((one) => [one.notification_type, one]));
  return { ...known, ...others, types: known.types.map((one) => changed.get(one.notification_type) ?? one) };
}
