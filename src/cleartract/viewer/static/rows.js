// Rows over time, each filled column by column as sound and frames come: waveform, spectrogram,
// kymograph, uncertainty.

import { grey, LINE_COLOURS } from "./colours.js";
import { Spectra } from "./fourier.js";
import { Profile } from "./profile.js";
import { rateOf, state } from "./state.js";

const HIGHEST = 8000; // [Hz]
const DYNAMIC = 50; // [dB] from white to black
const LONGEST = 60; // [s] of sound that is kept for a view
const AVERAGED = 4; // frames at most in one column
const LEGEND = 18; // [screen pixels] above the curves of degrees
const BESIDE = 14; // [screen pixels] between names in it
const EMPTY = [22, 26, 31];

// Frames or samples that a column stands for.
function span(column, columns, from, to) {
  const each = (to - from) / columns;
  return [from + column * each, from + (column + 1) * each];
}

class Row {
  constructor(source) {
    this.source = source;
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.key = "";
    this.filled = new Uint8Array(0);
    this.left = 0;
  }

  // Begins anew where something else is to be shown; returns why nothing can be, or "".
  want(width, height) {
    const problem = this.problem();
    const key = `${problem}|${width}|${height}|${state.from}|${state.to}|${this.depends()}`;
    if (key === this.key) return problem;
    this.key = key;
    if (this.canvas.width !== width || this.canvas.height !== height || !this.image) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = this.context.createImageData(width, height);
      for (let i = 0; i < this.image.data.length; i++) this.image.data[i] = i % 4 === 3 ? 255 : EMPTY[i % 4];
    }
    this.filled = new Uint8Array(problem ? 0 : width);
    this.left = this.filled.length;
    this.begin?.();
    return problem;
  }

  // Fills columns until a time [ms]; returns whether columns wait that could be filled now.
  work(until) {
    if (!this.left) return false;
    let stuck = 0;
    for (let column = 0; column < this.filled.length; column++) {
      if (this.filled[column]) continue;
      if (this.fill(column)) {
        this.filled[column] = 1;
        this.left -= 1;
      } else if (++stuck > 64) {
        break;
      }
      if (performance.now() > until) break;
    }
    this.show();
    return this.left > 0 && stuck === 0;
  }

  show() {
    this.context.putImageData(this.image, 0, 0);
  }

  problem() {
    return "";
  }

  depends() {
    return "";
  }

  put(column, row, level) {
    const at = 4 * (row * this.canvas.width + column);
    const data = this.image.data;
    data[at] = data[at + 1] = data[at + 2] = level;
  }
}

class SoundRow extends Row {
  constructor(source) {
    super(source);
    this.rate = source.info.sound.rate;
    this.perFrame = this.rate / rateOf(source.info);
  }

  // Sample number i, 0 where there is none; notes where it is not there yet.
  sample(i) {
    const size = this.rate * this.source.info.sound.piece;
    const piece = Math.floor(i / size);
    if (piece !== this.piece) {
      this.piece = piece;
      this.samples = this.source.sound(piece, false);
      if (!this.samples && piece >= 0 && piece < this.source.info.sound.pieces) this.missing = true;
    }
    return this.samples ? this.samples[i - piece * size] / 32768 : 0;
  }

  whole(read) {
    this.piece = undefined;
    this.missing = false;
    read();
    return !this.missing;
  }

  tooLong() {
    return (state.to - state.from) / rateOf(this.source.info) > LONGEST;
  }
}

export class WaveRow extends SoundRow {
  depends() {
    return this.tooLong() ? this.outline?.length : "";
  }

  fill(column) {
    const { width, height } = this.canvas;
    let [low, high] = [0, 0];
    const [from, to] = span(column, width, state.from, state.to).map((frame) => frame * this.perFrame);
    if (this.tooLong()) {
      const block = this.source.info.sound.block;
      for (let i = Math.floor(from / block); i <= to / block; i++) {
        low = Math.min(low, (this.outline?.[2 * i] ?? 0) / 32768);
        high = Math.max(high, (this.outline?.[2 * i + 1] ?? 0) / 32768);
      }
    } else {
      const there = this.whole(() => {
        for (let i = Math.floor(from); i <= Math.ceil(to); i++) {
          const value = this.sample(i);
          if (value < low) low = value;
          if (value > high) high = value;
        }
      });
      if (!there) return false;
    }
    const gain = this.gain ?? 1;
    const place = (value) => Math.round((height / 2) * (1 - Math.max(-1, Math.min(1, value * gain))));
    const [top, bottom] = [place(high), place(low)];
    for (let row = 0; row < height; row++) this.put(column, row, row >= top && row <= bottom ? 210 : EMPTY[1]);
    return true;
  }
}

export class SpectrogramRow extends SoundRow {
  constructor(source) {
    super(source);
    this.spectra = new Spectra(this.rate);
    this.loudest = -60; // [dB] so far
  }

  problem() {
    return this.tooLong() ? `Show less than ${LONGEST} s (Z) to see the spectrogram` : "";
  }

  begin() {
    this.levels = new Float32Array(this.canvas.width * this.canvas.height);
    this.column = new Float32Array(this.canvas.height);
  }

  fill(column) {
    const { width, height } = this.canvas;
    const [from, to] = span(column, width, state.from, state.to);
    const middle = Math.round(((from + to) / 2) * this.perFrame);
    const there = this.whole(() => this.spectra.column((i) => this.sample(i), middle, HIGHEST, this.column));
    if (!there) return false;
    for (let row = 0; row < height; row++) {
      const level = this.column[height - 1 - row];
      this.levels[row * width + column] = level;
      if (level > this.loudest) this.loudest = level;
    }
    return true;
  }

  show() {
    const { width, height } = this.canvas;
    for (let column = 0; column < width; column++) {
      if (!this.filled[column]) continue;
      for (let row = 0; row < height; row++) {
        const share = (this.levels[row * width + column] - this.loudest) / DYNAMIC + 1;
        this.put(column, row, 255 * (1 - Math.min(1, Math.max(0, share))));
      }
    }
    super.show();
  }
}

class FrameRow extends Row {
  problem() {
    if (this.source.affordable(state.to - state.from)) return "";
    return "Show less time (Z) to see this row";
  }

  // Frames of a column, a few where it stands for many.
  chosen(column) {
    const [from, to] = span(column, this.canvas.width, state.from, state.to);
    const last = this.source.info.count - 1;
    const count = Math.max(1, Math.min(AVERAGED, Math.floor(to - from)));
    return Array.from({ length: count }, (_, i) => Math.min(last, Math.floor(from + ((i + 0.5) * (to - from)) / count)));
  }
}

export class KymographRow extends FrameRow {
  depends() {
    const { a, b } = this.line;
    return `${this.plane}|${a}|${b}|${state.low}|${state.high}`;
  }

  begin() {
    const [height, width] = this.source.info.size;
    this.profile = new Profile(this.line.a, this.line.b, width, height);
    this.values = new Float32Array(this.profile.samples);
    this.one = new Float32Array(this.profile.samples);
    this.levels = new Uint8Array(this.profile.samples);
  }

  fill(column) {
    const { values, one, profile, canvas } = this;
    const frames = this.chosen(column);
    values.fill(0);
    for (const frame of frames) {
      const numbers = this.source.frame(this.plane, frame, false);
      if (!numbers) return false;
      profile.of(numbers, one);
      for (let i = 0; i < values.length; i++) values[i] += one[i] / frames.length;
    }
    grey(values, this.source.info.planes[this.plane], state.low, state.high, this.levels);
    for (let row = 0; row < canvas.height; row++) {
      this.put(column, row, this.levels[Math.floor(((row + 0.5) / canvas.height) * values.length)]);
    }
    return true;
  }
}

export class UncertaintyRow extends FrameRow {
  constructor(source, plane) {
    super(source);
    this.plane = plane;
    this.unit = source.info.planes[plane].unit;
    this.means = new Float32Array(source.info.count).fill(NaN);
    this.highest = 0;
  }

  #mean(frame) {
    if (!Number.isNaN(this.means[frame])) return this.means[frame];
    const numbers = this.source.frame(this.plane, frame, false);
    if (!numbers) return NaN;
    let sum = 0;
    for (let i = 0; i < numbers.length; i++) sum += numbers[i];
    const { offset, scale } = this.source.info.planes[this.plane];
    const mean = offset + (scale * sum) / numbers.length || 0;
    this.highest = Math.max(this.highest, mean);
    return (this.means[frame] = mean);
  }

  begin() {
    this.curve = new Float32Array(this.canvas.width);
  }

  fill(column) {
    let sum = 0;
    const frames = this.chosen(column);
    for (const frame of frames) sum += this.#mean(frame) / frames.length;
    this.curve[column] = sum;
    return !Number.isNaN(sum);
  }

  show() {
    const { width, height } = this.canvas;
    const [red, green, blue] = [249, 142, 9];
    for (let column = 0; column < width; column++) {
      if (!this.filled[column]) continue;
      const top = height * (1 - this.curve[column] / (1.1 * this.highest || 1));
      for (let row = 0; row < height; row++) {
        const at = 4 * (row * width + column);
        const colour = row >= top ? [red, green, blue] : EMPTY;
        for (let c = 0; c < 3; c++) this.image.data[at + c] = colour[c];
      }
    }
    super.show();
  }
}

// Constriction degrees of measured lines, as curves from 0 to the largest one.
export class DegreesRow extends Row {
  constructor(source) {
    super(source);
    this.names = source.info.measures.names;
    // a curve named "lips, truth" is what "lips" is compared with: dashed, in its colour
    this.other = this.names.map((name) => this.names.findIndex((longer) => longer.startsWith(`${name}, `)));
    this.of = this.names.map((name, number) => (this.other.includes(number) ? this.other.indexOf(number) : number));
    this.highest = 1.05 * source.info.measures.highest || 1; // [mm]
    this.degrees = null;
  }

  depends() {
    return `${this.degrees !== null}|${this.names.map((_, number) => this.colour(number))}`;
  }

  colour(number) {
    return LINE_COLOURS[this.#colours()[this.of[number]] % LINE_COLOURS.length];
  }

  // The colour of the line of that name; curves without a line take those that are left.
  #colours() {
    const places = this.names.map((name) => state.lines.findIndex((line) => line.name === name));
    let free = 0;
    return places.map((place, number) => {
      if (place >= 0 || this.of[number] !== number) return place;
      while (places.includes(free)) free += 1;
      return free++;
    });
  }

  // From the upper edge of the row; above it stands the legend.
  place(value, height) {
    const top = LEGEND * (devicePixelRatio || 1);
    return top + (height - 2 - top) * (1 - Math.max(0, value) / this.highest) + 1;
  }

  fill() {
    return this.degrees !== null;
  }

  show() {
    super.show();
    if (!this.degrees) return;
    const { width, height } = this.canvas;
    const context = this.context;
    context.lineWidth = Math.max(1.5, height / 40);
    this.degrees.forEach((degrees, number) => {
      context.strokeStyle = this.colour(number);
      context.setLineDash(this.of[number] === number ? [] : [4, 4]);
      context.beginPath();
      let drawing = false;
      for (let column = 0; column < width; column++) {
        const value = this.#mean(degrees, ...span(column, width, state.from, state.to));
        if (Number.isNaN(value)) {
          drawing = false;
          continue;
        }
        const y = this.place(value, height);
        if (drawing) context.lineTo(column + 0.5, y);
        else context.moveTo(column + 0.5, y);
        drawing = true;
      }
      context.stroke();
    });
  }

  #mean(degrees, from, to) {
    const first = Math.floor(from);
    let sum = 0;
    const end = Math.min(degrees.length, Math.max(first + 1, Math.floor(to)));
    for (let frame = first; frame < end; frame++) sum += degrees[frame];
    return sum / (end - first);
  }

  // Names, and values [mm] of the frame that is shown; with those compared, where all have room.
  legend(context, left, top, right) {
    if (!this.degrees) return;
    context.font = "12px system-ui, sans-serif";
    const shown = (curve) => (Number.isNaN(curve[state.frame]) ? "–" : curve[state.frame].toFixed(1));
    const parts = (withOther) => this.names.flatMap((name, number) => {
      if (this.of[number] !== number) return [];
      const other = this.other[number];
      const compared = other < 0 || !withOther ? "" : ` (${this.names[other].slice(name.length + 2)} ${shown(this.degrees[other])})`;
      const text = `${name.slice(0, 24)} ${shown(this.degrees[number])}${compared}`;
      return [{ text, wide: context.measureText(text).width, number }];
    });
    const all = parts(true);
    const needed = all.reduce((sum, { wide }) => sum + wide + BESIDE, 0);
    let x = left + 6;
    for (const { text, wide, number } of x + needed - BESIDE > right ? parts(false) : all) {
      if (x + wide > right) return;
      context.fillStyle = this.colour(number);
      context.fillText(text, x, top + 14);
      x += wide + BESIDE;
    }
  }
}
