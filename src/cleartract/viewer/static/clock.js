// Where playing is: the time of the sound that is heard, or a monotonic clock without sound.

import { rateOf } from "./state.js";

const AHEAD = 1.5; // [s] of sound handed to the sound card before it is due
const SILENT = 0.25; // [s] of silence while sound is on its way
const START = 0.03; // [s] from the wish to play to the first sample

export class Clock {
  constructor(source) {
    this.source = source;
    this.duration = source.info.count / rateOf(source.info);
    this.position = 0; // [s], while not playing
    this.playing = false;
    this.speed = 1;
    this.loop = null; // [start, end] [s]
    this.muted = false;
    this.onend = () => {};
    this.context = null;
    this.spans = []; // what is or will be heard: {when, at, length} [s]
    this.nodes = new Set();
    setInterval(() => this.#schedule(), 100);
  }

  async play() {
    if (this.playing) return;
    this.playing = true;
    if (this.source.info.sound && !this.context) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.gain = this.context.createGain();
      this.gain.connect(this.context.destination);
    }
    if (this.context) await this.context.resume();
    if (this.position >= this.duration - 1e-9) this.position = 0;
    if (this.playing) this.#begin(this.position);
  }

  pause() {
    if (!this.playing) return;
    this.position = this.seconds();
    this.playing = false;
    this.#silence();
  }

  seek(seconds) {
    this.position = seconds;
    if (this.playing) this.#begin(seconds);
  }

  // Speed, loop and sound; playing goes on where it is.
  set(speed, loop, muted) {
    const same = String(loop) === String(this.loop) && speed === this.speed;
    const at = this.seconds();
    Object.assign(this, { speed, loop, muted });
    if (this.gain) this.gain.gain.value = muted ? 0 : 1;
    if (!same) this.seek(at);
  }

  seconds() {
    if (!this.playing || !this.spans.length) return this.position;
    const now = this.#now() - (this.context?.outputLatency || 0);
    while (this.spans.length > 1 && this.spans[1].when <= now) this.spans.shift();
    const { when, at, length } = this.spans[0];
    return at + Math.min(Math.max(0, (now - when) * this.speed), length);
  }

  #now() {
    return this.context ? this.context.currentTime : performance.now() / 1000;
  }

  #begin(seconds) {
    this.#silence();
    this.at = seconds;
    this.when = this.#now() + START;
    this.position = seconds;
    this.ended = false;
    this.#schedule();
  }

  #silence() {
    for (const node of this.nodes) node.stop();
    this.nodes.clear();
    this.spans = [];
  }

  #schedule() {
    if (!this.playing || this.when === undefined) return;
    const now = this.#now();
    if (this.ended) {
      if (now < this.when + (this.context?.outputLatency || 0)) return;
      this.pause();
      this.position = this.duration;
      this.onend();
      return;
    }
    if (this.when < now) this.when = now; // the page was asleep
    while (this.when < now + AHEAD && !this.ended) {
      const looping = this.loop && this.at < this.loop[1];
      const end = looping ? this.loop[1] : this.duration;
      const { length, heard } = this.#span(end);
      this.spans.push({ when: this.when, at: this.at, length });
      this.when += length / this.speed;
      this.at += length;
      if (!heard) return; // perhaps it is there next time
      if (this.at < end - 1e-9) continue;
      if (looping) this.at = this.loop[0];
      else this.ended = true;
    }
  }

  // Hands over sound from `at` up to the end of its piece; returns how much [s].
  #span(end) {
    const sound = this.source.info.sound;
    const left = end - this.at;
    if (!sound) return { length: Math.min(left, 1), heard: true };
    const number = Math.floor(this.at / sound.piece + 1e-9);
    const first = number * sound.piece;
    const length = Math.min(left, first + sound.piece - this.at);
    const samples = this.source.sound(number);
    this.source.sound(number + 1, false);
    if (!samples) return { length: Math.min(length, SILENT * this.speed), heard: length <= SILENT * this.speed };
    const node = this.context.createBufferSource();
    node.buffer = this.#buffer(number, samples, sound.rate);
    node.playbackRate.value = this.speed;
    node.connect(this.gain);
    node.onended = () => this.nodes.delete(node);
    node.start(this.when, Math.max(0, this.at - first), length);
    this.nodes.add(node);
    return { length, heard: true };
  }

  #buffer(number, samples, rate) {
    if (this.last?.number === number) return this.last.buffer;
    const buffer = this.context.createBuffer(1, samples.length, rate);
    const channel = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) channel[i] = samples[i] / 32768;
    this.last = { number, buffer };
    return buffer;
  }
}
