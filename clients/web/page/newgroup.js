// Owns the making of a group: what it is called, and who is in it.

import { newClientId } from "../sdk/ids.js";
import { h } from "./dom.js";
import { PeopleField } from "./people.js";
import { openSheet } from "./sheet.js";
import { written } from "./written.js";

const MAX_TITLE = "100";

/**
 * @param {{chats: any, client: any, again: import("./again.js").Again,
 *          onMade: (key: string) => void}} options
 */
export function newGroup({ chats, client, again, onMade }) {
  const asked = new Map(); // the words → their client_id: the same words again are the same group
  const title = h("input", { id: "group-title", dir: "auto", maxlength: MAX_TITLE, required: true, autocomplete: "off" });
  const people = new PeopleField({ names: chats.names, label: "People", client, again });
  const problem = h("p", { class: "problem", role: "alert" });
  const make = h("button", { type: "submit", class: "primary" }, "Create group");

  async function submit(event) {
    event.preventDefault();
    const group = { title: written(title.value), members: people.value };
    const words = JSON.stringify(group);
    if (!asked.has(words)) asked.set(words, newClientId());
    make.disabled = true;
    try {
      const moment = chats.moment();
      const answer = await client.api.createGroup({ ...group, client_id: asked.get(words) });
      const chat = chats.take(answer.conversation, moment);
      chats.raise(chat);
      sheet.close();
      onMade(chat.key);
    } catch (error) {
      problem.textContent = error.message;
    }
    make.disabled = false;
  }

  const form = h(
    "form",
    { on: { submit } },
    h("label", { for: "group-title" }, "Title"),
    title,
    people.element,
    problem,
    make,
  );
  const sheet = openSheet({ title: "New group" }, form);
  title.focus();
}
