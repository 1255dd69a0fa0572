// Owns the short tone of a notification. The page makes it, so no file is loaded.

const NOTES_HZ = [880, 1_174.7];
const NOTE_S = 0.14;
const LOUD = 0.12;
const SILENT = 0.0001; // an exponential ramp cannot begin or end at 0
const GAP_MS = 2_000;

export class Tone {
  #context = null;
  #playedAt = -Infinity;

  /** At most once in two seconds, and only where a person has used the page: browsers refuse it before. */
  play() {
    const isAllowed = "AudioContext" in globalThis && (navigator.userActivation?.hasBeenActive ?? true);
    if (!isAllowed || performance.now() - this.#playedAt < GAP_MS) return;
    this.#playedAt = performance.now();
    this.#context ??= new AudioContext();
    this.#context.resume();
    NOTES_HZ.forEach((hertz, place) => this.#note(hertz, this.#context.currentTime + place * NOTE_S));
  }

  #note(hertz, at) {
    const oscillator = new OscillatorNode(this.#context, { frequency: hertz });
    const volume = new GainNode(this.#context, { gain: SILENT });
    oscillator.connect(volume).connect(this.#context.destination);
    volume.gain.setValueAtTime(SILENT, at);
    volume.gain.exponentialRampToValueAtTime(LOUD, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(SILENT, at + NOTE_S + 0.1);
    oscillator.start(at);
    oscillator.stop(at + NOTE_S + 0.1);
  }
}
