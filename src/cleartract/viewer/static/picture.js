// One picture of a frame: grey levels, a difference, or grey levels with a colour overlay.

import { grey, heat, signed } from "./colours.js";
import { planeNumber, state } from "./state.js";

export class Picture {
  constructor(width, height) {
    this.canvas = document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [width, height];
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(width, height);
    this.image.data.fill(255);
    this.levels = new Uint8Array(width * height);
  }

  grey(numbers, plane) {
    grey(numbers, plane, state.low, state.high, this.levels);
    const data = this.image.data;
    for (let i = 0, j = 0; i < this.levels.length; i++, j += 4) data[j] = data[j + 1] = data[j + 2] = this.levels[i];
    return this;
  }

  // What was removed: its size in colour, or with its sign around the middle grey.
  difference(noisy, noisyPlane, denoised, denoisedPlane, withSign) {
    const data = this.image.data;
    const largest = removedRange();
    const offset = noisyPlane.offset - denoisedPlane.offset;
    for (let i = 0, j = 0; i < noisy.length; i++, j += 4) {
      const removed = noisyPlane.scale * noisy[i] - denoisedPlane.scale * denoised[i] + offset;
      const share = Math.min(1, Math.max(-1, removed / largest)) || 0;
      if (withSign) {
        data[j] = data[j + 1] = data[j + 2] = Math.round(127.5 * (1 + share));
      } else {
        const at = 3 * Math.round(255 * Math.abs(share));
        data[j] = heat[at];
        data[j + 1] = heat[at + 1];
        data[j + 2] = heat[at + 2];
      }
    }
    return this;
  }

  // Colour over what is there: the stronger, the less of it shows through.
  overlay(numbers, plane, withSign) {
    const data = this.image.data;
    const { low, high } = plane;
    for (let i = 0, j = 0; i < numbers.length; i++, j += 4) {
      const value = plane.offset + plane.scale * numbers[i];
      const share = Math.min(1, Math.max(0, (value - low) / (high - low))) || 0;
      const size = withSign ? Math.abs(2 * share - 1) : share;
      const strength = 0.9 * size * size * (3 - 2 * size); // little colour where there is little
      const at = 3 * Math.round(255 * share);
      const table = withSign ? signed : heat;
      for (let c = 0; c < 3; c++) data[j + c] += strength * (table[at + c] - data[j + c]);
    }
    return this;
  }

  done() {
    this.context.putImageData(this.image, 0, 0);
    return this.canvas;
  }
}

// Value that is shown with full colour in difference and residual.
export function removedRange() {
  return state.range * (state.high - state.low);
}

// What the panels show now: {label, canvas}, or null while frames are on their way.
export class Panels {
  constructor(source) {
    this.source = source;
    const [height, width] = source.info.size;
    this.pictures = [new Picture(width, height), new Picture(width, height)];
  }

  of(frame) {
    const planes = state.info.planes;
    const [a, b] = state.pair;
    const numbers = state.pair.map((plane) => this.source.frame(plane, frame));
    const over = planeNumber(state.overlay);
    const colours = over > 0 ? this.source.frame(over, frame) : null;
    if (numbers.includes(null) || (over > 0 && !colours)) return null;
    const coloured = (picture) => (colours ? picture.overlay(colours, planes[over], state.overlay === "opinion") : picture);
    const [first, second] = this.pictures;
    const one = first.grey(numbers[0], planes[a]);
    if (b === undefined) return [{ label: planes[a].file, canvas: coloured(one).done() }];
    if (state.mode === "difference" || state.mode === "residual") {
      const withSign = state.mode === "residual";
      const label = withSign ? removed() : `|${removed()}|`;
      return [{ label, canvas: coloured(first.difference(numbers[0], planes[a], numbers[1], planes[b], withSign)).done() }];
    }
    const before = { label: planes[a].name, canvas: one.done() };
    const after = { label: planes[b].name, canvas: coloured(second.grey(numbers[1], planes[b])).done() };
    if (state.held || state.mode === "flicker") return [state.held ? before : after];
    return [before, after];
  }
}

// What difference and residual show.
export function removed() {
  return state.pair.map((plane) => state.info.planes[plane].name).join(" − ");
}
