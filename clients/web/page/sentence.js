// Owns how it is said what happened to a group.

import { h } from "./dom.js";
import { plainName } from "./names.js";

const NAMED = 3; // people; of more the first ones
const A_ROLE = { owner: "an owner", admin: "an admin", member: "a member" };

/** Returns a line between the messages, and a function that says it: names may become known later. */
export function sentence() {
  const node = h("p", { class: "notice" });
  let said = "";

  function show(parts) {
    const words = JSON.stringify(parts);
    if (words === said) return;
    said = words;
    node.replaceChildren(...parts.map((part) => (typeof part === "string" ? part : h("bdi", {}, part.name))));
  }

  return { node, show };
}

/**
 * What happened, in words: text, and names as `{name}`, for they may run in another direction.
 * @param {import("./notices.js").Notice} notice @param {(userId: string) => string} nameOf @param {string} me
 * @returns {(string|{name: string})[]}
 */
export function inWords({ change, actor_id, user_ids, title, role, isHeir }, nameOf, me) {
  const actor = actor_id === me ? "You" : { name: nameOf(actor_id) };
  const whom = people(user_ids, nameOf, me);
  switch (change) {
    case "created":
      return [actor, " created the group"];
    case "renamed":
      return title ? [actor, " renamed the group to ", { name: plainName(title) }] : [actor, " renamed the group"];
    case "member_added":
      return [actor, " added ", ...whom];
    case "member_removed":
      return [actor, " removed ", ...whom];
    case "left":
      return [actor, " left"];
    default:
      if (isHeir) return stepped(user_ids[0] === me ? "You" : whom[0], "owner");
      return actor_id === user_ids[0] ? stepped(actor, role) : given(actor, whom, role);
  }
}

function given(actor, whom, role) {
  return role ? [actor, " made ", ...whom, ` ${A_ROLE[role]}`] : [actor, " gave ", ...whom, " another role"];
}

/** An owner steps back, or somebody inherits: who left as the last owner has not given it. */
function stepped(actor, role) {
  const isMe = actor === "You";
  if (!role) return [actor, isMe ? " have another role now" : " has another role now"];
  return [actor, `${isMe ? " are" : " is"} now ${A_ROLE[role]}`];
}

/** Names somebody, some, or, where the frame names nobody, how many. */
function people(user_ids, nameOf, me) {
  if (!user_ids) return ["many people"];
  const names = user_ids.map((user) => (user === me ? "you" : { name: nameOf(user) }));
  const shown = names.length > NAMED ? names.slice(0, NAMED - 1) : names;
  const rest = names.length - shown.length;
  const all = rest ? [...shown, `${rest} others`] : shown;
  return all.flatMap((one, place) => {
    if (!place) return [one];
    return [place === all.length - 1 ? " and " : ", ", one];
  });
}
