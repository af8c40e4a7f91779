// What can be taken away: the picture with a scale bar, a strip of frames, tables.

import { grey, short } from "./colours.js";
import { Gif } from "./gif.js";
import { Panels } from "./picture.js";
import { Profile } from "./profile.js";
import { frameAt, state, timeOf } from "./state.js";

const SCALE = 4; // saved pixels per pixel, at least
const BARS = [1, 2, 5, 10, 20, 50, 100]; // [mm]
const GIF = { longest: 20, step: 0.04, widest: 400 }; // [s], [s] from picture to picture, [pixels]
const STRIP = 8; // frames, where none are marked

export function download(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function stem() {
  return state.info.name.replace(/\.[^.]*$/, "");
}

function scaleBar(context, scale, left, bottom) {
  const { pixelSize, size } = state.info;
  const longest = (size[1] * pixelSize) / 4;
  const length = BARS.findLast((bar) => bar <= longest) ?? BARS[0];
  context.fillStyle = "#fff";
  context.strokeStyle = "#000";
  context.lineWidth = 3;
  const width = (length / pixelSize) * scale;
  context.strokeRect(left, bottom - 4, width, 4);
  context.fillRect(left, bottom - 4, width, 4);
  const text = `${length} mm`;
  context.font = "13px system-ui, sans-serif";
  context.strokeText(text, left, bottom - 9);
  context.fillText(text, left, bottom - 9);
}

// What the scale bar rests on, where the size of a pixel was not told.
function assumption() {
  if (state.info.pixelSizeKnown) return "";
  return `scale if the field of view is ${Math.round(state.info.size[1] * state.info.pixelSize)} mm wide`;
}

function blob(canvas) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function sheet(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = false;
  return [canvas, context];
}

// The legend that is on screen, in the width of the picture; without it colours say nothing elsewhere.
function legend(context, top, width) {
  const said = (id) => document.getElementById(id).textContent;
  const bar = Math.min(100, width / 4);
  const before = `${said("legend-title")}  ${said("legend-low")}`;
  const after = `${said("legend-high")} ${said("legend-unit")}`;
  context.fillStyle = "#000";
  context.font = "13px system-ui, sans-serif";
  const room = (width - bar - 16) / 2;
  const left = 8 + Math.min(room, context.measureText(before).width);
  context.fillText(before, 2, top + 17, room);
  context.drawImage(document.getElementById("legend"), left, top + 6, bar, 12);
  context.fillText(after, left + bar + 6, top + 17, width - left - bar - 8);
}

// The panels on screen, enlarged, with labels, legend, scale bar and the moment.
export async function savePicture(source) {
  const shown = new Panels(source).of(state.frame);
  if (!shown) throw new Error("This frame is still on its way; try again.");
  const panels = state.mode === "wipe" && shown.length > 1 ? [shown] : shown.map((panel) => [panel]);
  const [height, width] = state.info.size;
  const scale = Math.max(SCALE, Math.round(state.zoom));
  const [w, h, gap] = [width * scale, height * scale, 8];
  const coloured = !document.getElementById("legend-box").hidden;
  const below = h + (assumption() ? 42 : 24);
  const [canvas, context] = sheet(panels.length * (w + gap) - gap, below + (coloured ? 22 : 0));
  if (coloured) legend(context, below - 4, canvas.width);
  panels.forEach((parts, number) => {
    const left = number * (w + gap);
    context.drawImage(parts.at(-1).canvas, left, 0, w, h);
    if (parts.length > 1) {
      const cut = Math.round(state.wipe * width);
      if (cut) context.drawImage(parts[0].canvas, 0, 0, cut, height, left, 0, cut * scale, h);
    }
    context.fillStyle = "#000";
    context.font = "13px system-ui, sans-serif";
    context.fillText(parts.map((part) => part.label).join(" | "), left + 2, h + 17);
  });
  const moment = `${timeOf(state.frame).toFixed(3)} s, frame ${state.frame}`;
  context.textAlign = "right";
  context.fillText(moment, canvas.width - 2, h + 17);
  context.textAlign = "left";
  context.fillText(assumption(), 2, h + 35, canvas.width - 4);
  scaleBar(context, scale, 10, h - 10);
  download(`${stem()}_frame${state.frame}.png`, await blob(canvas));
}

async function loaded(source, plane, frame) {
  for (let tries = 0; tries < 600; tries++) {
    const numbers = source.frame(plane, frame);
    if (numbers) return numbers;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`Frame ${frame} does not come.`);
}

export function chosenFrames() {
  if (state.marks.size) return [...state.marks].sort((a, b) => a - b);
  const [first, end] = state.selection ?? [Math.floor(state.from), Math.ceil(state.to)];
  const count = Math.min(STRIP, end - first);
  return Array.from({ length: count }, (_, i) => first + Math.floor(((i + 0.5) * (end - first)) / count));
}

// Chosen frames next to each other, noisy above denoised.
export async function saveStrip(source) {
  const frames = chosenFrames();
  const [height, width] = state.info.size;
  const planes = state.pair;
  const scale = Math.max(1, Math.min(2, Math.floor(8000 / (frames.length * width))));
  const [w, h] = [width * scale, height * scale];
  const [canvas, context] = sheet(frames.length * (w + 4) - 4, planes.length * (h + 4) + (assumption() ? 36 : 18));
  const before = state.frame;
  const panels = new Panels(source);
  for (const [column, frame] of frames.entries()) {
    for (const [row, plane] of planes.entries()) {
      const numbers = await loaded(source, plane, frame);
      const picture = panels.pictures[0].grey(numbers, state.info.planes[plane]).done();
      context.drawImage(picture, column * (w + 4), row * (h + 4), w, h);
    }
    context.fillStyle = "#000";
    context.font = "12px system-ui, sans-serif";
    context.fillText(`${timeOf(frame).toFixed(3)} s`, column * (w + 4) + 2, planes.length * (h + 4) + 13);
  }
  context.fillText(assumption(), 2, canvas.height - 6, canvas.width - 4);
  scaleBar(context, scale, 6, h - 6);
  download(`${stem()}_strip${before}.png`, await blob(canvas));
}

// The selection, side by side; between two pictures passes the same time, and frames that fall between are left out.
export async function saveGif(source, told) {
  const [first, end] = state.selection ?? [Math.floor(state.from), Math.ceil(state.to)];
  const [start, stop] = [timeOf(first), timeOf(end)];
  const count = Math.max(1, Math.round((stop - start) / (GIF.step * state.speed)));
  if (count * GIF.step > GIF.longest) throw new Error(`Select up to ${GIF.longest * state.speed} s first: drag across the time axis.`);
  const { size: [height, width], planes } = state.info;
  const panels = [...state.pair];
  const scale = Math.max(1, Math.floor(GIF.widest / (panels.length * width)));
  const across = panels.length * width * scale;
  const gif = new Gif(across, height * scale, 1000 * GIF.step);
  const levels = new Uint8Array(width * height);
  const picture = new Uint8Array(across * height * scale);
  for (let i = 0; i < count; i++) {
    const frame = Math.min(end - 1, frameAt(start + i * GIF.step * state.speed));
    for (const [number, plane] of panels.entries()) {
      grey(await loaded(source, plane, frame), planes[plane], state.low, state.high, levels);
      for (let y = 0; y < height * scale; y++) {
        const row = y * across + number * width * scale;
        const from = Math.floor(y / scale) * width;
        for (let x = 0; x < width * scale; x++) picture[row + x] = levels[from + Math.floor(x / scale)];
      }
    }
    gif.add(picture);
    if (i % 8) continue;
    told(`Saving … ${Math.floor((100 * i) / count)} %`);
    await new Promise((resolve) => setTimeout(resolve));
  }
  download(`${stem()}_${first}-${end - 1}.gif`, gif.blob());
}

function table(rows) {
  const quoted = (cell) => (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  const text = rows.map((row) => row.map(quoted).join(",")).join("\r\n");
  return new Blob([`${text}\r\n`], { type: "text/csv" });
}

export function saveLines() {
  const mm = (pixels) => (pixels * state.info.pixelSize).toFixed(3);
  const rows = [["line", "start x [mm]", "start y [mm]", "end x [mm]", "end y [mm]", "start x [pixel]", "start y [pixel]", "end x [pixel]", "end y [pixel]"]];
  for (const { name, a, b } of state.lines) {
    rows.push([name, ...[...a, ...b].map(mm), ...[...a, ...b].map((place) => place.toFixed(3))]);
  }
  download(`${stem()}_lines.csv`, table(rows));
}

// Intensities along each line, a row a frame, line and plane.
export async function saveKymograph(source) {
  const [first, end] = state.selection ?? [Math.floor(state.from), Math.ceil(state.to)];
  if (!state.lines.length) throw new Error("Draw a line first (K).");
  const [height, width] = state.info.size;
  const profiles = state.lines.map((line) => new Profile(line.a, line.b, width, height));
  const most = Math.max(...profiles.map((profile) => profile.samples));
  const distances = Array.from({ length: most }, (_, i) => `${(i * 0.25 * state.info.pixelSize).toFixed(3)} mm`);
  const rows = [["frame", "time [s]", "line", "plane", ...distances]];
  for (let frame = first; frame < end; frame++) {
    for (const plane of state.pair) {
      const { name, offset, scale } = state.info.planes[plane];
      const numbers = await loaded(source, plane, frame);
      profiles.forEach((profile, number) => {
        const values = [...profile.of(numbers)].map((value) => short(offset + scale * value));
        rows.push([frame, timeOf(frame).toFixed(6), state.lines[number].name, name, ...values]);
      });
    }
  }
  download(`${stem()}_kymograph.csv`, table(rows));
}
