// Owns what somebody dropped or pasted: its files, and the folders among them, which are none.

/**
 * To be asked while the event is dealt with: afterwards a browser tells nothing of it any more.
 * @param {DataTransfer|null} transfer
 * @returns {{files: File[], folders: string[]}} the names of the folders
 */
export function filesIn(transfer) {
  const items = [...(transfer?.items ?? [])].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  const folders = entries.filter((entry) => entry?.isDirectory).map(({ name }) => name);
  const files = items.filter((_, place) => !entries[place]?.isDirectory).map((item) => item.getAsFile());
  return { files: files.filter(Boolean), folders };
}
