// Owns how the names of people, groups and files are shown: what cannot be seen in them is. Pure.

const JOINING = [
  "Arabic Syriac Mandaic Nko Mongolian Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu",
  "Kannada Malayalam Sinhala Khmer Myanmar Tibetan",
];
const WITH_JOINERS = JOINING.join(" ").replace(/\w+/gu, String.raw`\p{Script=$&}`).replaceAll(" ", "");
/** A pattern of what is invisible and yet part of how something is written: emoji, and the scripts that join their letters. */
const NEEDED = [
  String.raw`\u{1f3f4}[\u{e0020}-\u{e007e}]{1,16}\u{e007f}`, // the flag of Scotland
  String.raw`(?<=[${WITH_JOINERS}])[\u200c\u200d]`,
  String.raw`(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d(?=\p{Extended_Pictographic})`,
  String.raw`(?<=[\p{Emoji}\p{Script=Han}\p{Script=Mongolian}\p{Script=Myanmar}])[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]`,
];
/** A pattern of directions, widths of nothing, fillers and tags: Default_Ignorable_Code_Point and the controls. */
const HIDDEN = String.raw`[\p{Default_Ignorable_Code_Point}\p{Cc}\u2028\u2029\ufff9-\ufffb]`;
const SEEN_OR_NOT = new RegExp(`(?<needed>${NEEDED.join("|")})|${HIDDEN}`, "gu");
const RIGHT_TO_LEFT = new RegExp(
  "Hebrew Arabic Syriac Mandaic Nko Thaana Samaritan Adlam".replace(/\w+/gu, String.raw`\p{Script=$&}`).replaceAll(" ", "|"),
  "u",
);

/** Returns the name with what is invisible in it as "[U+202E]". @param {string} name */
export function plainName(name) {
  return name.replace(SEEN_OR_NOT, (character, needed) => needed ?? marked(character));
}

/** Returns the name without what is invisible in it. @param {string} name */
export const visibleName = (name) => name.replace(SEEN_OR_NOT, (_, needed) => needed ?? "");

/** Returns the name for a sentence that has no elements: it does not turn what is beside it. @param {string} name */
export function isolated(name) {
  const plain = plainName(name);
  return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
}

const marked = (character) => `[U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
