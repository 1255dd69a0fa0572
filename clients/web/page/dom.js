// Owns how elements are made: text is always a text node, never markup.

import { visibleName } from "./names.js";
import { pictureAt } from "./pictures.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Properties are attributes, but for `class`, `on` (listeners by event) and booleans.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.filter((child) => child || child === ""));
  return element;
}

function set(element, name, value) {
  if (name === "on") {
    for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
  } else if (typeof value === "boolean") {
    element.toggleAttribute(name, value);
  } else if (value !== undefined && value !== null) {
    element.setAttribute(name, value);
  }
}

const ICONS = {
  back: ["M15 5l-7 7 7 7"],
  send: ["M4 12l16-8-6 16-3-7z", "M11 13l9-9"],
  leave: ["M10 4H5v16h5", "M15 8l4 4-4 4", "M19 12H9"],
  search: ["M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14", "M16 16l4.5 4.5"],
  down: ["M6 9l6 6 6-6"],
  plus: ["M12 5v14", "M5 12h14"],
  chat: ["M4 5h16v11H9l-5 4z"],
  cloud: ["M7 18a4 4 0 0 1-.5-8A6 6 0 0 1 18 9.5a4.3 4.3 0 0 1-.5 8.500z", "M4 4l16 16"],
  bookmark: ["M7 4h10v16l-5-4-5 4z"],
  more: ["M12 5v.01", "M12 12v.01", "M12 19v.01"],
  reply: ["M9 6L4 11l5 5", "M4 11h9a7 7 0 0 1 7 7"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z", "M14 7l3 3"],
  copy: ["M9 9h11v11H9z", "M5 15H4V4h11v1"],
  bin: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  gone: ["M12 4a8 8 0 1 1 0 16a8 8 0 0 1 0-16", "M6.500 6.500l11 11"],
  about: ["M12 4a8 8 0 1 1 0 16a8 8 0 0 1 0-16", "M12 11.500v4.500", "M12 8v.01"],
  flag: ["M6 21V4", "M6 4h12l-2.500 4.500L18 13H6"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  check: ["M5 12.500l4.500 4.500L19 7"],
  people: ["M9 5a3.500 3.500 0 1 1 0 7a3.500 3.500 0 0 1 0-7", "M3 19c0-3 2.500-5 6-5s6 2 6 5", "M16 5.500a3 3 0 0 1 0 6", "M17.500 14.500c2 .7 3.500 2.300 3.500 4.500"],
  group: ["M9 5a3.500 3.500 0 1 1 0 7a3.500 3.500 0 0 1 0-7", "M3 19c0-3 2.500-5 6-5s6 2 6 5", "M18.500 8v6", "M15.500 11h6"],
  clip: ["M20 11l-8.500 8.500a5 5 0 0 1-7-7L13 4a3.300 3.300 0 0 1 4.700 4.700L9.300 17a1.700 1.700 0 0 1-2.400-2.400L14.500 7"],
  file: ["M6 3h8l4 4v14H6z", "M14 3v4h4"],
  play: ["M7 5l12 7-12 7z"],
  load: ["M12 4v11", "M7 11l5 5 5-5", "M5 20h14"],
  bell: ["M6 17V11a6 6 0 0 1 12 0v6", "M4 17h16", "M10 20h4"],
  gear: ["M12 9a3 3 0 1 1 0 6a3 3 0 0 1 0-6", "M12 3v3", "M12 18v3", "M3 12h3", "M18 12h3", "M5.600 5.600l2.100 2.100", "M16.300 16.300l2.100 2.100", "M5.600 18.400l2.100-2.100", "M16.300 7.700l2.100-2.100"],
  work: ["M4 8h16v11H4z", "M9 8V5h6v3", "M4 13h16"],
  heart: ["M12 20C5 15 3 11.500 4.500 8a4 4 0 0 1 7.500 0a4 4 0 0 1 7.500 0C21 11.500 19 15 12 20z"],
  at: ["M12 8.500a3.500 3.500 0 1 1 0 7a3.500 3.500 0 0 1 0-7", "M15.500 8.500v5a2.200 2.200 0 0 0 4.500 0V12a8 8 0 1 0-3.500 6.600"],
  mute: ["M6 16V11a6 6 0 0 1 9-5.200", "M18 10v6H6", "M10 19h4", "M4 4l16 16"],
  archive: ["M4 5h16v4H4z", "M6 9v10h12V9", "M10 13h4"],
  pending: ["M12 4a8 8 0 1 1 0 16a8 8 0 0 1 0-16", "M12 8v4.5l3 1.5"],
  sent: ["M5 12.5l4.5 4.500L19 7"],
  delivered: ["M2 12.5l4.5 4.500L16 7", "M11.5 16.5l.5.500L21.5 7"],
  read: ["M2 12.5l4.5 4.500L16 7", "M11.5 16.5l.5.500L21.5 7"],
  failed: ["M12 4l9 16H3z", "M12 10v4.5", "M12 17v.5"],
};

/** Returns a line drawing; with a label it speaks, without it is decoration. */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

const TINTS = 8;

/**
 * Initials on a colour that follows from the id, until there is a picture that may be shown.
 * @param {{user_id: string, name: string|null, avatar?: string|null}} person
 */
export function avatar({ user_id, name, avatar: url }, saved = false) {
  const mixed = Array.from(user_id).reduce((sum, c) => (sum * 37 + c.codePointAt(0)) % 9973, 5);
  const properties = { class: `avatar tint-${mixed % TINTS}`, "aria-hidden": "true" };
  if (saved) return h("span", properties, icon("bookmark"));
  return h("span", properties, initials(visibleName(name || user_id)), picture(url));
}

/** Returns a picture, which tells nobody from where it is loaded; one that cannot be loaded goes. */
function picture(url) {
  const src = pictureAt(url);
  if (!src) return null;
  const on = { error: ({ currentTarget }) => currentTarget.remove() };
  const how = { alt: "", loading: "lazy", decoding: "async", referrerpolicy: "no-referrer" };
  return h("img", { ...how, on, src });
}

function initials(name) {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => Array.from(word)[0].toUpperCase()).join("") || "?";
}

/** Runs `act` once after the present work, however often it was asked for. */
export function once(act) {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    queueMicrotask(() => {
      planned = false;
      act();
    });
  };
}
