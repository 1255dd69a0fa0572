// Owns how times are written, in the reader's own language and zone.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const SHORT = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" }); // within an English sentence

let now = () => Date.now();

const DAY_MS = 86_400_000;
const LOOK_MS = 5_000;
const UNITS = [["day", DAY_MS], ["hour", 3_600_000], ["minute", 60_000]];

/** Takes the time from this clock from now on. @param {() => number} clock as `Date.now` */
export const keepTime = (clock) => (now = clock);

/** Returns the present time as the server writes it. */
export const present = () => new Date(now()).toISOString();

/** @param {string} at */
export const clock = (at) => CLOCK.format(new Date(at));

/** @param {string} at */
export const exactly = (at) => FULL.format(new Date(at));

/** Returns what is the same for all moments of one day. @param {string} at */
export const dayKey = (at) => new Date(at).toDateString();

/** Returns the heading of a day. @param {string} at */
export function day(at) {
  const date = new Date(at);
  const ago = daysAgo(date);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago > 1 && ago < 7) return WEEKDAY.format(date);
  return (date.getFullYear() === new Date(now()).getFullYear() ? DAY : DATE).format(date);
}

/** Returns the time for a line of the inbox. @param {string} at */
export function brief(at) {
  const date = new Date(at);
  const ago = daysAgo(date);
  if (ago === 0) return clock(at);
  if (ago === 1) return "Yesterday";
  return SHORT.format(date);
}

/** Returns the time, with the day where it is another one than today. @param {string} at */
export const moment = (at) => (daysAgo(new Date(at)) ? `${brief(at)}, ${clock(at)}` : clock(at));

/** Says how long ago it was, in words. @param {string} at */
export function ago(at) {
  const passed = Math.max(0, now() - new Date(at));
  const [unit, ms] = UNITS.find(([, length]) => passed >= length) ?? [];
  return unit ? AGO.format(-Math.floor(passed / ms), unit) : "just now";
}

function daysAgo(date) {
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  return Math.round((midnight(now()) - midnight(date)) / DAY_MS);
}

const FORMS = { brief, day, moment };

/**
 * Writes a time that is told by its day, and again when the day is over.
 * @param {"brief"|"day"|"moment"} form @param {string} at @param {HTMLElement} [node]
 */
export function told(form, at, node = document.createElement("time")) {
  node.dataset.form = form;
  node.dateTime = at;
  node.title = exactly(at);
  node.textContent = FORMS[form](at);
  return node;
}

/** Turns "Today" into "Yesterday" on a page that stays open. Called once. */
export function watchDays() {
  let today = dayKey(present());
  const look = () => {
    const day = dayKey(present());
    if (day === today) return;
    today = day;
    for (const node of document.querySelectorAll("time[data-form]")) told(node.dataset.form, node.dateTime, node);
  };
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look); // it may have slept
}
