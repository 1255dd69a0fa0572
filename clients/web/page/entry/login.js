// Owns the demo's front door: pick a name, no password. A host app signs its own tokens instead.

import { login } from "../../linkup-client.js";
import { avatar, h, icon } from "../dom.js";

const CAST = ["Alice", "Bob", "Carol", "Dave"];

/**
 * @param {{onSignedIn: (session: {token: string, user_id: string, name: string}) => void}} options
 */
export function loginView({ onSignedIn }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const field = h("input", {
    id: "user-id",
    name: "user_id",
    placeholder: "for example erin",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: "128",
    required: true,
  });
  const card = h("main", { class: "login" });

  async function enter(user_id, name) {
    problem.textContent = "";
    card.setAttribute("aria-busy", "true");
    try {
      onSignedIn(await login(location.origin, { user_id, ...(name && { name }) }));
    } catch (error) {
      problem.textContent = explain(error);
    }
    card.removeAttribute("aria-busy");
  }

  const people = CAST.map((name) => {
    const user_id = name.toLowerCase();
    const pick = { type: "button", class: "person", on: { click: () => enter(user_id, name) } };
    return h("button", pick, avatar({ user_id, name }), h("span", {}, name));
  });
  const other = h(
    "form",
    {
      on: {
        submit: (event) => {
          event.preventDefault();
          if (field.value.trim()) enter(field.value.trim());
        },
      },
    },
    h("label", { for: "user-id" }, "Another user"),
    h("div", { class: "together" }, field, h("button", { type: "submit", class: "primary" }, "Sign in")),
  );
  card.append(
    h("div", { class: "logo" }, icon("chat")),
    h("h1", {}, "LinkUp messaging"),
    h("p", { class: "lead" }, "Who are you today? Open a second window to be somebody else."),
    h("div", { class: "people", role: "group", "aria-label": "Demo users" }, ...people),
    other,
    problem,
  );
  return card;
}

function explain(error) {
  if (error.status !== 404) return error.message;
  return "The demo sign-in is switched off. Please sign in through your own app.";
}
