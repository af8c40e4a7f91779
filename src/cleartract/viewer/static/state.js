// What is shown, in one place; the page's address brings back the same moment and view.

export const MODES = ["side", "wipe", "flicker", "difference", "residual"];
export const OVERLAYS = ["uncertainty", "opinion"];
export const SPEEDS = [0.1, 0.2, 0.25, 0.5, 0.75, 1];
export const LARGEST_ZOOM = 12;

export const state = {
  info: null,
  pair: [0], // planes that are compared, or the only one
  frame: 0,
  playing: false,
  mode: "side",
  overlay: "",
  held: false, // flicker shows the noisy frame
  wipe: 0.5, // share of the width
  low: 0, // value shown black
  high: 1, // value shown white
  range: 0.25, // of difference and residual, as a share of the window
  zoom: 0, // screen pixels per pixel; 0 fits the window
  centre: [0.5, 0.5], // of the picture, as shares
  from: 0, // visible time [frames]
  to: 1,
  selection: null, // [first, end) [frames]
  loop: false,
  speed: 1,
  muted: false,
  tool: "move",
  lines: [], // {name, a: [x, y], b: [x, y]} [pixels]
  active: 0,
  marks: new Set(),
};

const listeners = new Set();

export function listen(listener) {
  listeners.add(listener);
}

export function change(values) {
  const names = Object.keys(values).filter((name) => state[name] !== values[name]);
  if (!names.length) return;
  Object.assign(state, values);
  for (const listener of listeners) listener(new Set(names));
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

export function rateOf(info) {
  return info.rate[0] / info.rate[1];
}

export function planeNumber(name) {
  return state.info.planes.findIndex((plane) => plane.name === name);
}

// Planes of frames, without those that lie in colour over them.
export function framePlanes() {
  return [...state.info.planes.keys()].filter((plane) => !OVERLAYS.includes(state.info.planes[plane].name));
}

export function shownPlanes() {
  return [...new Set([...state.pair, planeNumber(state.overlay)])].filter((plane) => plane >= 0);
}

export function timeOf(frame) {
  return (frame * state.info.rate[1]) / state.info.rate[0];
}

// The frame that is shown at a time [s]: the last one that has begun.
export function frameAt(seconds) {
  const frame = Math.floor((seconds * state.info.rate[0]) / state.info.rate[1] + 1e-6);
  return clamp(frame, 0, state.info.count - 1);
}

const WRITTEN = {
  f: [() => state.frame, (text) => ({ frame: clamp(whole(text), 0, state.info.count - 1) })],
  p: [() => state.pair.join("_"), readPair],
  v: [() => state.mode, (text) => (MODES.includes(text) ? { mode: text } : {})],
  o: [() => state.overlay, (text) => (OVERLAYS.includes(text) && planeNumber(text) >= 0 ? { overlay: text } : {})],
  w: [() => short(state.wipe), (text) => ({ wipe: clamp(number(text, 0.5), 0, 1) })],
  z: [() => state.zoom, (text) => ({ zoom: clamp(whole(text), 0, LARGEST_ZOOM) })],
  c: [() => state.centre.map(short).join("_"), (text) => pair(text, 0, 1, "centre")],
  g: [() => `${short(state.low)}_${short(state.high)}`, readWindow],
  r: [() => short(state.range), (text) => ({ range: clamp(number(text, 0.25), 0.02, 1) })],
  t: [() => `${short(state.from)}_${short(state.to)}`, readSpan],
  s: [() => (state.selection ? state.selection.join("_") : ""), readSelection],
  l: [() => Number(state.loop), (text) => ({ loop: text === "1" })],
  x: [() => state.speed, (text) => (SPEEDS.includes(Number(text)) ? { speed: Number(text) } : {})],
  b: [() => [...state.marks].sort((a, b) => a - b).join("_"), readMarks],
};

export function address() {
  const parts = Object.entries(WRITTEN).map(([key, [write]]) => `${key}=${write()}`);
  return `#${parts.filter((part) => !part.endsWith("=")).join("&")}`;
}

// An address says all that is shown: no overlay, selection or marks, where it names none.
export function fromAddress(hash) {
  const values = hash.length > 1 ? { overlay: "", selection: null, marks: new Set() } : {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [key, text] = part.split("=");
    if (Object.hasOwn(WRITTEN, key) && text !== undefined) Object.assign(values, WRITTEN[key][1](text));
  }
  if (values.mode === "difference") values.overlay = ""; // it has colours of its own
  return values;
}

function short(value) {
  return String(Number(value.toPrecision(7)));
}

function number(text, otherwise) {
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? value : otherwise;
}

function whole(text) {
  return Math.round(number(text, 0));
}

function numbers(text) {
  const values = text.split("_").map(Number);
  return values.every(Number.isFinite) ? values : [];
}

function pair(text, low, high, name) {
  const values = numbers(text);
  return values.length === 2 ? { [name]: values.map((value) => clamp(value, low, high)) } : {};
}

function readPair(text) {
  const planes = numbers(text);
  const fits = planes.length === state.pair.length && planes.every((plane) => framePlanes().includes(plane));
  return fits && new Set(planes).size === planes.length ? { pair: planes } : {};
}

function readWindow(text) {
  const [low, high] = numbers(text);
  return high > low ? { low, high } : {};
}

function readSpan(text) {
  const [from, to] = numbers(text).map((value) => clamp(value, 0, state.info.count));
  return to - from >= 2 ? { from, to } : {};
}

function readSelection(text) {
  const [first, end] = numbers(text).map((value) => clamp(Math.round(value), 0, state.info.count));
  return { selection: end > first ? [first, end] : null };
}

function readMarks(text) {
  const marks = numbers(text).filter((frame) => Number.isInteger(frame) && frame >= 0 && frame < state.info.count);
  return { marks: new Set(marks.slice(0, 64)) };
}
