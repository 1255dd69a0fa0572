// Owns that what is shown or played outlives its URL: with another one it goes on where it was.

const PAUSE_MS = 2_000;

/**
 * @param {HTMLImageElement} image @param {(anew: boolean) => Promise<string>} link
 * @returns {HTMLImageElement}
 */
export function loadAgain(image, link) {
  const act = async () => (image.src = await link(true).catch(() => image.src));
  image.addEventListener("error", act, { once: true });
  return image;
}

/**
 * @template {HTMLMediaElement} T
 * @param {T} player @param {(anew: boolean) => Promise<string>} link
 * @returns {T}
 */
export function goOn(player, link) {
  let tried = false; // what fails again before it plays has another fault
  player.addEventListener("canplay", () => (tried = false));
  player.addEventListener("error", async () => {
    const isRead = player.error.code === MediaError.MEDIA_ERR_DECODE; // its bytes came, and are no good
    if (isRead || tried) return;
    tried = true;
    const before = stateOf(player);
    const url = await reached(player, link);
    if (url) restart(player, url, before);
  });
  return player;
}

const stateOf = ({ currentTime, paused, playbackRate }) => ({ currentTime, paused, playbackRate });

/** Asks as long as asking may help. */
async function reached(player, link) {
  while (player.isConnected) {
    try {
      return await link(true);
    } catch (error) {
      if (!error.temporary) return null;
      await new Promise((later) => setTimeout(later, PAUSE_MS));
    }
  }
  return null;
}

/** A new source begins anew: at its first second, at its own pace, and by itself where that is asked for. */
function restart(player, url, { currentTime, paused, playbackRate }) {
  const resume = () => {
    player.currentTime = currentTime;
    player.playbackRate = playbackRate;
    if (!paused) player.play().catch(() => {}); // the person has pressed "pause" meanwhile
  };
  player.addEventListener("loadedmetadata", resume, { once: true });
  player.autoplay = false;
  player.src = url;
}
