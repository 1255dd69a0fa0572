// Owns the words, the group and the icon of each type of notification. Pure.

/** The group, words and icon of each type, in the order of the page. */
const TYPES = {
  new_message: ["Messages", "New messages", "chat"],
  message_delivered: ["Messages", "Messages delivered", "delivered"],
  message_read: ["Messages", "Messages read", "read"],
  connection_request: ["Connections", "Requests to connect", "group"],
  connection_accepted: ["Connections", "Accepted requests", "people"],
  connection_rejected: ["Connections", "Declined requests", "people"],
  new_follower: ["Connections", "New followers", "group"],
  follow_accepted: ["Connections", "Accepted follow requests", "people"],
  job_application: ["Jobs", "Applications to your jobs", "work"],
  application_status: ["Jobs", "News of your applications", "work"],
  new_job_posted: ["Jobs", "New jobs", "work"],
  post_liked: ["Posts", "Likes", "heart"],
  post_commented: ["Posts", "Comments", "chat"],
  post_shared: ["Posts", "Shares", "reply"],
  mention: ["Posts", "Mentions", "at"],
  system_announcement: ["System", "Announcements", "flag"],
  security_alert: ["System", "Security alerts", "failed"],
};
const OTHER = "Other";

/** Every built-in type. */
export const BUILT_IN = Object.keys(TYPES);

/** @param {string} type one of the host app as well: "invoice_paid" is "Invoice paid" */
export function wordsOf(type) {
  const words = type.replaceAll("_", " ");
  return TYPES[type]?.[1] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** Returns the name of an icon of the page. @param {string} type */
export const iconOf = (type) => TYPES[type]?.[2] ?? "bell";

/**
 * The types under the headings of the page; those of the host app are the last.
 * @param {string[]} types
 * @returns {{name: string, types: string[]}[]}
 */
export function grouped(types) {
  const names = [...new Set(Object.values(TYPES).map(([name]) => name)), OTHER];
  const rank = (type) => (BUILT_IN.indexOf(type) + BUILT_IN.length + 1) % (BUILT_IN.length + 1);
  const sorted = [...types].sort((a, b) => rank(a) - rank(b));
  const inside = (name) => sorted.filter((type) => (TYPES[type]?.[0] ?? OTHER) === name);
  return names.map((name) => ({ name, types: inside(name) })).filter(({ types: found }) => found.length);
}
