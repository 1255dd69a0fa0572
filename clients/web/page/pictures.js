// Owns which pictures of people may be loaded: those of the origins that the server names.

import { waysIn } from "./entry/ways.js";

/** Returns the address of a picture that may be loaded, or null. @param {string|null|undefined} url */
export function pictureAt(url) {
  const { avatar_origins: origins } = waysIn();
  return url && origins.includes(originOf(url)) ? url : null;
}

function originOf(url) {
  try {
    return new URL(url).origin;
  } catch {
    return null;
  }
}
