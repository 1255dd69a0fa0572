// Owns the window in which somebody, or what they wrote, is reported to who runs the server.

import { newClientId } from "../sdk/ids.js";
import { h } from "./dom.js";
import { openSheet } from "./sheet.js";
import { written } from "./written.js";

const MAX_COMMENT = "1000";
const REASONS = [
  ["spam", "Spam or advertising"],
  ["harassment", "Harassment or bullying"],
  ["hate", "Hate"],
  ["violence", "Violence or threats"],
  ["sexual", "Sexual content"],
  ["self_harm", "Self-harm"],
  ["fraud", "Fraud or a scam"],
  ["other", "Something else"],
];

/**
 * @param {{title: string, text?: string, about: {user_id: string} | {message_id: number},
 *          client: any, onDone: () => void}} options `text`: what is reported, in its own words
 */
export function openReport({ title, text, about, client, onDone }) {
  const asked = new Map(); // the words → their client_id: the same words again are the same report
  const comment = h("textarea", { id: "report-comment", dir: "auto", rows: "3", maxlength: MAX_COMMENT });
  const problem = h("p", { class: "problem", role: "alert" });
  const send = h("button", { type: "submit", class: "primary" }, "Send report");

  function content() {
    const reason = form.querySelector("input:checked").value;
    const said = written(comment.value);
    return { ...about, reason, ...(said && { comment: said }) };
  }

  async function submit(event) {
    event.preventDefault();
    const report = content();
    const words = JSON.stringify(report);
    if (!asked.has(words)) asked.set(words, newClientId());
    problem.textContent = "";
    send.disabled = true;
    try {
      await client.api.report({ client_id: asked.get(words), ...report });
      sheet.close();
      onDone();
    } catch (error) {
      problem.textContent = error.message;
    }
    send.disabled = false;
  }

  const form = h(
    "form",
    { class: "report", on: { submit } },
    h("fieldset", {}, h("legend", {}, "What is wrong?"), ...REASONS.map(reasonField)),
    h("label", { for: "report-comment" }, "Anything to add? (optional)"),
    comment,
    problem,
    send,
  );
  const quote = text && h("p", { class: "reported" }, h("bdi", {}, text));
  const sheet = openSheet({ title }, ...[quote, form].filter(Boolean));
  form.querySelector("input").focus();
}

function reasonField([reason, words]) {
  const choice = { type: "radio", name: "reason", value: reason, required: true };
  return h("label", { class: "reason" }, h("input", choice), words);
}
