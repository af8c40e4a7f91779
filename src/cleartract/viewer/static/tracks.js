// Everything over time, on one axis: which rows there are, their labels, the playhead, the pointer.

import { LINE_COLOURS, short } from "./colours.js";
import { DegreesRow, KymographRow, SpectrogramRow, UncertaintyRow, WaveRow } from "./rows.js";
import { change, clamp, planeNumber, rateOf, state, timeOf } from "./state.js";

const RULER = 18; // [screen pixels] high
const HEIGHTS = { wave: 32, spectrogram: 60, kymograph: 46, uncertainty: 34, tier: 20, degrees: 58 };
const LEAST = { wave: 19, spectrogram: 32, kymograph: 30, uncertainty: 28, tier: 19, degrees: 44 }; // where room is short
const SQUEEZED = 1.3; // times as wide as its room a label may be
const BETWEEN = 2; // [screen pixels]
const TALLEST = 130; // of a kymograph, where there is room
const MARGIN = 8; // right of the rows
const BUDGET = 7; // [ms] of each drawn frame
const DRAGGED = 4; // [screen pixels] that make a press a drag
const SHORTEST = 4; // [frames] visible

export class Tracks {
  constructor(source, canvas, playhead, overview, go) {
    Object.assign(this, { source, canvas, playhead, overview, go });
    this.context = canvas.getContext("2d");
    this.outline = null;
    const info = source.info;
    this.sounds = info.sound ? [new WaveRow(source), new SpectrogramRow(source)] : [];
    this.spread = planeNumber("uncertainty") >= 0 ? new UncertaintyRow(source, planeNumber("uncertainty")) : null;
    this.measured = info.measures ? new DegreesRow(source) : null;
    this.kymographs = []; // for each line one row a plane
    this.#listen();
  }

  setOutline(pairs) {
    this.outline = pairs;
    if (!this.sounds.length) return;
    let loudest = 1;
    for (const value of pairs) loudest = Math.max(loudest, Math.abs(value));
    const wave = this.sounds[0];
    [wave.outline, wave.gain, wave.key] = [pairs, 30000 / loudest, ""];
  }

  setMeasures(degrees) {
    this.measured.degrees = degrees;
  }

  get gutter() {
    return this.canvas.clientWidth < 520 ? 80 : 92;
  }

  get width() {
    return Math.max(10, this.canvas.clientWidth - this.gutter - MARGIN);
  }

  xOf(frame) {
    return this.gutter + ((frame - state.from) / (state.to - state.from)) * this.width;
  }

  frameAtX(x) {
    return state.from + ((x - this.gutter) / this.width) * (state.to - state.from);
  }

  // Rows with their place: {row, kind, top, height, label, below}.
  #layout(room) {
    const places = [];
    const add = (kind, row, label, below = "", colour = "") => places.push({ kind, row, label, below, colour, height: HEIGHTS[kind] });
    if (this.sounds.length) {
      add("wave", this.sounds[0], "Sound");
      add("spectrogram", this.sounds[1], "0–8 kHz");
    }
    for (const tier of state.info.tiers) add("tier", tier, tier.name);
    if (this.measured) add("degrees", this.measured, "Degrees", `0–${short(this.measured.highest)} mm`);
    while (this.kymographs.length < state.lines.length) {
      this.kymographs.push(state.pair.map(() => new KymographRow(this.source)));
    }
    state.lines.forEach((line, number) => {
      this.kymographs[number].forEach((row, i) => {
        [row.line, row.plane] = [line, state.pair[i]];
        const plane = state.pair.length > 1 ? state.info.planes[row.plane].name : "kymograph";
        add("kymograph", row, i ? "" : line.name, plane, LINE_COLOURS[number % LINE_COLOURS.length]);
      });
    });
    if (this.spread) add("uncertainty", this.spread, "Uncertainty", `0–${short(1.1 * this.spread.highest)} ${this.spread.unit}`);
    const total = (heights) => places.reduce((sum, { kind }) => sum + heights[kind] + BETWEEN, RULER);
    const tall = places.filter((place) => place.kind === "kymograph");
    const more = tall.length ? clamp((room - total(HEIGHTS)) / tall.length, 0, TALLEST - HEIGHTS.kymograph) : 0;
    const [usual, least] = [total(HEIGHTS), total(LEAST)];
    const lack = usual > room ? Math.min(1, (usual - room) / (usual - least)) : 0; // all give up the same share
    let top = RULER;
    this.measuredTop = null;
    for (const place of places) {
      if (place.kind === "degrees") this.measuredTop = top;
      if (place.kind === "kymograph") place.height += Math.floor(more);
      place.height -= Math.ceil(lack * (HEIGHTS[place.kind] - LEAST[place.kind]));
      place.top = top;
      top += place.height + BETWEEN;
    }
    return { places, height: Math.max(top, room) };
  }

  draw() {
    const box = this.canvas.parentElement;
    const ratio = devicePixelRatio || 1;
    const { places, height } = this.#layout(box.parentElement.clientHeight);
    if (this.height !== height) {
      this.height = height;
      for (const part of [box, this.canvas, this.playhead]) part.style.height = `${height}px`;
    }
    for (const canvas of [this.canvas, this.playhead]) {
      const size = [canvas.clientWidth, height].map((n) => Math.round(n * ratio));
      if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    }
    const context = this.context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "#101316";
    context.fillRect(0, 0, this.canvas.clientWidth, height);
    const until = performance.now() + BUDGET;
    let busy = false;
    for (const place of places) busy = this.#row(place, ratio, until) || busy;
    this.#ruler();
    this.drawPlayhead();
    return busy;
  }

  #row({ kind, row, top, height, label, below, colour }, ratio, until) {
    const context = this.context;
    let busy = false;
    if (kind === "tier") {
      this.#tier(row, top, height);
    } else {
      const problem = row.want(Math.round(this.width * ratio), Math.round(height * ratio));
      if (problem) {
        context.fillStyle = "#161a1f";
        context.fillRect(this.gutter, top, this.width, height);
        context.fillStyle = "#aeb7c1";
        context.font = "12px system-ui, sans-serif";
        context.fillText(problem, this.gutter + 10, top + height / 2 + 4);
      } else {
        busy = row.work(until);
        context.imageSmoothingEnabled = false;
        context.drawImage(row.canvas, this.gutter, top, this.width, height);
      }
    }
    context.textAlign = "right";
    if (colour) {
      context.fillStyle = colour;
      context.fillRect(this.gutter - 4, top, 3, height);
    }
    this.#text(label, this.gutter - 8, top + 13, "600 12px", "#eceff2");
    this.#text(below, this.gutter - 8, top + (label ? Math.min(28, height - 3) : 13), "11px", "#aeb7c1");
    context.textAlign = "left";
    return busy;
  }

  #text(text, x, y, font, colour) {
    const room = this.gutter - 12;
    this.context.font = `${font} system-ui, sans-serif`;
    this.context.fillStyle = colour;
    let shown = text;
    while (shown.length > 2 && this.context.measureText(shown).width > SQUEEZED * room) shown = `${shown.slice(0, -2)}…`;
    this.context.fillText(shown, x, y, room);
  }

  #tier(tier, top, height) {
    const context = this.context;
    context.fillStyle = "#161a1f";
    context.fillRect(this.gutter, top, this.width, height);
    context.save();
    context.beginPath();
    context.rect(this.gutter, top, this.width, height);
    context.clip();
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "center";
    const rate = rateOf(state.info);
    for (const [start, end, label] of tier.intervals) {
      const [a, b] = [this.xOf(start * rate), this.xOf(end * rate)];
      if (b < this.gutter || a > this.gutter + this.width) continue;
      context.fillStyle = "#4a5561";
      context.fillRect(a, top, 1, height);
      context.fillRect(b, top, 1, height);
      context.fillStyle = "#eceff2";
      const [left, right] = [Math.max(a, this.gutter), Math.min(b, this.gutter + this.width)];
      if (context.measureText(label).width <= b - a - 2) context.fillText(label, (left + right) / 2, top + 15);
    }
    context.restore();
  }

  #ruler() {
    const context = this.context;
    const [from, to] = [timeOf(state.from), timeOf(state.to)];
    const rough = ((to - from) * 80) / this.width;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    context.fillStyle = "#aeb7c1";
    context.font = "11px system-ui, sans-serif";
    for (let tick = Math.ceil(from / step); tick * step <= to; tick++) {
      const x = this.xOf(tick * step * rateOf(state.info));
      context.fillRect(x, 0, 1, 5);
      if (x < this.gutter + this.width - 36) context.fillText(tick ? (tick * step).toFixed(digits) : "0 s", x + 3, 13);
    }
    this.#textRight("time [s]");
  }

  #textRight(text) {
    this.context.textAlign = "right";
    this.#text(text, this.gutter - 8, 13, "11px", "#aeb7c1");
    this.context.textAlign = "left";
  }

  drawPlayhead() {
    const ratio = devicePixelRatio || 1;
    const context = this.playhead.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.playhead.clientWidth, this.height);
    context.save();
    context.beginPath();
    context.rect(this.gutter, 0, this.width, this.height);
    context.clip();
    if (state.selection) {
      const [a, b] = state.selection.map((frame) => this.xOf(frame));
      context.fillStyle = "#4cc2ff33";
      context.fillRect(a, 0, b - a, this.height);
      context.fillStyle = "#4cc2ff";
      context.fillRect(a, 0, 1, this.height);
      context.fillRect(b - 1, 0, 1, this.height);
    }
    context.fillStyle = "#ffd54a";
    for (const mark of state.marks) context.fillRect(this.xOf(mark + 0.5) - 2, 0, 4, 7);
    const each = this.width / (state.to - state.from);
    context.fillStyle = "#ff4d4d55";
    if (each > 3) context.fillRect(this.xOf(state.frame), 0, each, this.height);
    context.fillStyle = "#ff4d4d";
    context.fillRect(this.xOf(state.frame + 0.5) - 0.75, 0, 1.5, this.height);
    if (this.measuredTop !== null) this.measured?.legend(context, this.gutter, this.measuredTop, this.gutter + this.width);
    context.restore();
    this.drawOverview(ratio);
  }

  drawOverview(ratio) {
    const canvas = this.overview;
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
    const size = [Math.round(wide * ratio), Math.round(high * ratio)];
    const resized = canvas.width !== size[0] || canvas.height !== size[1];
    if (resized) [canvas.width, canvas.height] = size;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (resized || this.sketched !== this.outline) this.#sketch(size);
    context.drawImage(this.sketch, 0, 0, wide, high);
    const x = (frame) => (frame / state.info.count) * wide;
    context.fillStyle = "#ffffff1c";
    context.fillRect(x(state.from), 0, Math.max(3, x(state.to - state.from)), high);
    if (state.selection) {
      context.fillStyle = "#4cc2ff55";
      context.fillRect(x(state.selection[0]), 0, Math.max(2, x(state.selection[1] - state.selection[0])), high);
    }
    context.strokeStyle = "#8b97a3";
    context.lineWidth = 1;
    context.strokeRect(x(state.from) + 0.5, 0.5, Math.max(3, x(state.to - state.from)) - 1, high - 1);
    context.fillStyle = "#ff4d4d";
    context.fillRect(clamp(x(state.frame + 0.5) - 1, 0, wide - 2), 0, 2, high);
  }

  #sketch([wide, high]) {
    this.sketch = document.createElement("canvas");
    [this.sketch.width, this.sketch.height] = [wide, high];
    this.sketched = this.outline;
    const context = this.sketch.getContext("2d");
    context.fillStyle = "#0a0c0e";
    context.fillRect(0, 0, wide, high);
    context.fillStyle = "#6d7a87";
    if (!this.outline) return context.fillRect(0, high / 2, wide, 1);
    const { rate, block } = state.info.sound;
    const pairs = (timeOf(state.info.count) * rate) / block;
    const gain = (this.sounds[0]?.gain ?? 1) / 32768;
    for (let x = 0; x < wide; x++) {
      let [low, top] = [0, 0];
      for (let i = Math.floor((x / wide) * pairs); i <= ((x + 1) / wide) * pairs; i++) {
        low = Math.min(low, (this.outline[2 * i] ?? 0) * gain);
        top = Math.max(top, (this.outline[2 * i + 1] ?? 0) * gain);
      }
      context.fillRect(x, (high / 2) * (1 - top), 1, Math.max(1, (high / 2) * (top - low)));
    }
  }

  #listen() {
    const pad = this.playhead;
    pad.addEventListener("pointerdown", (event) => {
      if (event.button || event.offsetX < this.gutter) return;
      pad.setPointerCapture(event.pointerId);
      this.pressed = { x: event.offsetX, frame: this.frameAtX(event.offsetX), scrub: event.offsetY < RULER };
      if (this.pressed.scrub) this.go(Math.floor(this.pressed.frame));
    });
    pad.addEventListener("pointermove", (event) => {
      const pressed = this.pressed;
      if (!pressed) return;
      const frame = this.frameAtX(event.offsetX);
      if (pressed.scrub) return this.go(Math.floor(frame));
      if (!pressed.dragged && Math.abs(event.offsetX - pressed.x) < DRAGGED) return;
      pressed.dragged = true;
      const ends = [pressed.frame, frame].sort((a, b) => a - b);
      const first = clamp(Math.floor(ends[0]), 0, state.info.count - 1);
      change({ selection: [first, clamp(Math.ceil(ends[1]), first + 1, state.info.count)] });
    });
    pad.addEventListener("pointerup", () => {
      if (this.pressed && !this.pressed.scrub) {
        this.go(this.pressed.dragged ? state.selection[0] : Math.floor(this.pressed.frame));
        if (!this.pressed.dragged && !state.loop) change({ selection: null });
      }
      this.pressed = null;
    });
    pad.addEventListener("pointercancel", () => (this.pressed = null));
    pad.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    const seek = (event) => this.go(Math.floor((event.offsetX / this.overview.clientWidth) * state.info.count));
    this.overview.addEventListener("pointerdown", (event) => {
      this.overview.setPointerCapture(event.pointerId);
      this.overview.onpointermove = seek;
      seek(event);
    });
    this.overview.addEventListener("pointerup", () => (this.overview.onpointermove = null));
  }

  #wheel(event) {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      event.preventDefault();
      this.shift(((state.to - state.from) * sideways) / this.width);
      return;
    }
    const overflows = this.height > this.canvas.parentElement.parentElement.clientHeight + 1;
    if (overflows && !event.ctrlKey && !event.altKey) return;
    event.preventDefault();
    this.zoom(2 ** (event.deltaY / 300), this.frameAtX(event.offsetX));
  }

  // Shows more or less time about a frame.
  zoom(factor, about = state.frame) {
    const count = state.info.count;
    const length = clamp((state.to - state.from) * factor, Math.min(SHORTEST, count), count);
    const share = clamp((about - state.from) / (state.to - state.from), 0, 1);
    const from = clamp(about - share * length, 0, count - length);
    change({ from, to: from + length });
  }

  shift(frames) {
    const length = state.to - state.from;
    const from = clamp(state.from + frames, 0, state.info.count - length);
    change({ from, to: from + length });
  }

  // Brings a frame into view, a page at a time.
  follow(frame) {
    const length = state.to - state.from;
    if (frame >= state.from && frame < state.to) return;
    const ahead = state.playing ? 0 : length / 4;
    const from = clamp(frame - ahead, 0, state.info.count - length);
    change({ from, to: from + length });
  }
}
