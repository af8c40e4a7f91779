// The picture on screen: where panels lie, what the pointer does there.

import { LINE_COLOURS } from "./colours.js";
import { Panels } from "./picture.js";
import { change, clamp, LARGEST_ZOOM, state } from "./state.js";

const GAP = 8; // [screen pixels] between panels
const REACH = 12; // [screen pixels] around the end of a line
const SHORTEST = 2; // [pixels] of a line

export class Stage {
  constructor(source, canvas, handle) {
    Object.assign(this, { source, canvas, handle });
    [this.height, this.width] = source.info.size;
    this.panels = new Panels(source);
    this.context = canvas.getContext("2d");
    this.boxes = [];
    this.shown = -1;
    this.onedit = () => {};
    this.drag = null;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.#up());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.onpointermove = (moved) => this.#wipeTo(moved);
      handle.onpointerup = () => (handle.onpointermove = null);
    });
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (!step || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      change({ wipe: clamp(state.wipe + step * (event.shiftKey ? 5 : 1), 0, 1) });
    });
  }

  // Screen pixels per pixel of the recording; whole numbers of the screen's own pixels.
  zoom(panels) {
    if (state.zoom) return state.zoom;
    const ratio = devicePixelRatio || 1;
    const wide = (this.canvas.clientWidth - GAP * (panels - 1)) / panels / this.width;
    const high = this.canvas.clientHeight / this.height;
    const fitting = Math.floor(Math.min(wide, high) * ratio) / ratio;
    return clamp(fitting, 1 / ratio, LARGEST_ZOOM);
  }

  draw() {
    const shown = this.panels.of(state.frame);
    const ratio = devicePixelRatio || 1;
    const [wide, high] = [this.canvas.clientWidth, this.canvas.clientHeight].map((n) => Math.round(n * ratio));
    const resized = this.canvas.width !== wide || this.canvas.height !== high;
    if (resized) [this.canvas.width, this.canvas.height] = [wide, high];
    if (!shown) {
      if (resized && this.before) this.#paint(this.before, ratio);
      return false;
    }
    this.before = shown;
    this.#paint(shown, ratio);
    this.shown = state.frame;
    document.body.dataset.shown = state.frame;
    return true;
  }

  #paint(shown, ratio) {
    const context = this.context;
    const wiping = state.mode === "wipe" && shown.length === 2;
    const count = wiping ? 1 : shown.length;
    const zoom = this.zoom(count);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "#0a0c0e";
    context.fillRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    context.imageSmoothingEnabled = false;
    this.boxes = this.#places(count, zoom, ratio);
    this.boxes.forEach((box, number) => {
      context.save();
      context.beginPath();
      context.rect(...box.clip);
      context.clip();
      const [w, h] = [this.width * zoom, this.height * zoom];
      context.drawImage(shown[wiping ? 1 : number].canvas, box.x, box.y, w, h);
      if (wiping) this.#wiped(shown[0].canvas, box, w, h);
      this.#lines(box, zoom);
      context.restore();
      if (wiping) {
        this.#label(shown[0].label, box.clip, false);
        this.#label(shown[1].label, box.clip, true);
      } else {
        this.#label(shown[number].label, box.clip, false);
      }
    });
    this.handle.hidden = !wiping;
    if (wiping) this.#placeHandle();
  }

  #places(count, zoom, ratio) {
    const [wide, high] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const room = (wide - GAP * (count - 1)) / count;
    const [w, h] = [this.width * zoom, this.height * zoom];
    const exact = (place) => Math.round(place * ratio) / ratio;
    const packed = Math.min(room, w);
    const start = (wide - packed * count - GAP * (count - 1)) / 2;
    const place = (size, all, centre) => exact(size <= all ? (all - size) / 2 : clamp(all / 2 - centre * size, all - size, 0));
    return Array.from({ length: count }, (_, number) => {
      const left = exact(start + number * (packed + GAP));
      const [x, y] = [left + place(w, packed, state.centre[0]), place(h, high, state.centre[1])];
      const top = Math.max(0, y);
      return { x, y, zoom, clip: [left, top, packed, Math.min(high, y + h) - top] };
    });
  }

  #wiped(canvas, box, w, h) {
    const context = this.context;
    const across = box.clip[0] + state.wipe * box.clip[2];
    context.save();
    context.beginPath();
    context.rect(box.clip[0], box.clip[1], across - box.clip[0], box.clip[3]);
    context.clip();
    context.drawImage(canvas, box.x, box.y, w, h);
    context.restore();
    context.fillStyle = "#fff";
    context.fillRect(across - 1, box.clip[1], 2, box.clip[3]);
  }

  #placeHandle() {
    const [left, top, w, h] = this.boxes[0].clip;
    this.handle.style.left = `${left + state.wipe * w}px`;
    this.handle.style.top = `${top + 0.82 * h}px`;
    this.handle.setAttribute("aria-valuenow", Math.round(100 * state.wipe));
  }

  #label(text, [x, y, w], right) {
    const context = this.context;
    context.font = "12px system-ui, sans-serif";
    const width = context.measureText(text).width + 10;
    const left = right ? x + w - width - 4 : x + 4;
    context.fillStyle = "#000a";
    context.fillRect(left, y + 4, width, 18);
    context.fillStyle = "#fff";
    context.fillText(text, left + 5, y + 17);
  }

  #lines(box, zoom) {
    const context = this.context;
    const at = ([x, y]) => [box.x + (x + 0.5) * zoom, box.y + (y + 0.5) * zoom];
    state.lines.forEach((line, number) => {
      const colour = LINE_COLOURS[number % LINE_COLOURS.length];
      const [a, b] = [at(line.a), at(line.b)];
      for (const [width, style] of [[4, "#0009"], [number === state.active ? 2 : 1.25, colour]]) {
        context.lineWidth = width;
        context.strokeStyle = style;
        context.beginPath();
        context.moveTo(...a);
        context.lineTo(...b);
        context.stroke();
      }
      for (const [end, filled] of [[a, true], [b, false]]) {
        context.beginPath();
        context.arc(...end, 4.5, 0, 2 * Math.PI);
        context.fillStyle = filled ? colour : "#000b";
        context.fill();
        context.lineWidth = 1.5;
        context.strokeStyle = colour;
        context.stroke();
      }
    });
  }

  // Place in the recording [pixels] under the pointer, or null beside the panels.
  #under(event, anywhere = null) {
    const [x, y] = [event.offsetX, event.offsetY];
    const inside = ({ clip: [left, top, w, h] }) => x >= left && x < left + w && y >= top && y < top + h;
    const box = anywhere ?? this.boxes.find(inside);
    if (!box) return null;
    const place = [(x - box.x) / box.zoom - 0.5, (y - box.y) / box.zoom - 0.5];
    return { box, place, bounded: [clamp(place[0], 0, this.width - 1), clamp(place[1], 0, this.height - 1)] };
  }

  #grabbed({ box, place }) {
    const reach = REACH / box.zoom;
    const near = ([x, y]) => Math.hypot(x - place[0], y - place[1]) < reach;
    for (let number = state.lines.length - 1; number >= 0; number--) {
      const line = state.lines[number];
      if (near(line.a)) return { kind: "end", number, end: "a" };
      if (near(line.b)) return { kind: "end", number, end: "b" };
      if (distance(place, line) < reach / 2) return { kind: "line", number, from: place, line };
    }
    return null;
  }

  #down(event) {
    const under = this.#under(event);
    this.canvas.setPointerCapture(event.pointerId);
    if (event.button === 2) {
      this.drag = { kind: "window", x: event.clientX, y: event.clientY, low: state.low, high: state.high };
      return;
    }
    if (!under || event.button) return;
    const { box, bounded } = under;
    const grabbed = state.tool === "move" ? this.#grabbed(under) : null;
    if (state.tool === "line") {
      this.drag = { kind: "new", box, start: bounded };
    } else if (grabbed) {
      this.drag = { ...grabbed, box };
      change({ active: grabbed.number });
    } else if (state.mode === "wipe" && this.boxes.length === 1 && state.pair.length > 1) {
      this.drag = { kind: "wipe", box };
      this.#wipeTo(event);
    } else if (state.mode === "flicker") {
      this.drag = { kind: "flicker" };
      change({ held: true });
    } else {
      this.drag = { kind: "pan", x: event.clientX, y: event.clientY, centre: state.centre, box };
    }
  }

  #move(event) {
    const drag = this.drag;
    if (!drag) {
      const under = this.#under(event);
      const grabbed = under && state.tool === "move" && this.#grabbed(under);
      this.canvas.classList.toggle("crossing", state.tool === "line" || Boolean(grabbed));
      this.canvas.classList.toggle("sliding", !grabbed && state.mode === "wipe");
      return;
    }
    if (drag.kind === "wipe") this.#wipeTo(event);
    if (drag.kind === "window") this.#windowTo(drag, event);
    if (drag.kind === "pan") this.#panTo(drag, event);
    if (!["new", "end", "line"].includes(drag.kind)) return;
    const { bounded, place } = this.#under(event, drag.box);
    if (drag.kind === "new") {
      const lines = [...state.lines.slice(0, drag.number ?? state.lines.length)];
      if (Math.hypot(bounded[0] - drag.start[0], bounded[1] - drag.start[1]) < SHORTEST) return;
      drag.number ??= lines.length;
      const name = drag.name ?? (drag.name = freeName());
      change({ lines: [...lines, { name, a: drag.start, b: bounded }], active: drag.number });
    } else if (drag.kind === "end") {
      const line = { ...state.lines[drag.number], [drag.end]: bounded };
      if (Math.hypot(line.a[0] - line.b[0], line.a[1] - line.b[1]) < SHORTEST) return;
      change({ lines: state.lines.with(drag.number, line) });
    } else {
      change({ lines: state.lines.with(drag.number, this.shifted(drag.line, place[0] - drag.from[0], place[1] - drag.from[1])) });
    }
    this.onedit();
  }

  #up() {
    if (this.drag?.kind === "flicker") change({ held: false });
    if (this.drag?.kind === "new" && this.drag.number !== undefined) change({ tool: "move" });
    this.drag = null;
  }

  // A line moved as a whole, as far as it stays in the picture.
  shifted(line, dx, dy) {
    const x = clamp(dx, -Math.min(line.a[0], line.b[0]), this.width - 1 - Math.max(line.a[0], line.b[0]));
    const y = clamp(dy, -Math.min(line.a[1], line.b[1]), this.height - 1 - Math.max(line.a[1], line.b[1]));
    return { ...line, a: [line.a[0] + x, line.a[1] + y], b: [line.b[0] + x, line.b[1] + y] };
  }

  #wipeTo(event) {
    const [left, , w] = this.boxes[0].clip;
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    change({ wipe: clamp((x - left) / w, 0, 1) });
  }

  #windowTo(drag, event) {
    const width = drag.high - drag.low;
    const wider = width * 2 ** ((event.clientX - drag.x) / 150);
    const level = (drag.low + drag.high) / 2 + (width * (event.clientY - drag.y)) / 300;
    change({ low: level - wider / 2, high: level + wider / 2 });
  }

  #panTo(drag, event) {
    const [w, h] = [this.width * drag.box.zoom, this.height * drag.box.zoom];
    const x = drag.centre[0] - (event.clientX - drag.x) / w;
    const y = drag.centre[1] - (event.clientY - drag.y) / h;
    change({ centre: [clamp(x, 0, 1), clamp(y, 0, 1)] });
  }

  // Larger or smaller by whole steps, about a place in the picture.
  step(direction, about = null) {
    const now = this.zoom(this.boxes.length || 1);
    const next = clamp(direction > 0 ? Math.floor(now + 1e-6) + 1 : Math.ceil(now - 1e-6) - 1, 1, LARGEST_ZOOM);
    if (!about) return change({ zoom: next });
    const { box, place } = about;
    const middle = [box.clip[0] + box.clip[2] / 2, box.clip[1] + box.clip[3] / 2];
    const at = [(place[0] + 0.5) * box.zoom + box.x, (place[1] + 0.5) * box.zoom + box.y];
    const size = [this.width, this.height];
    const centre = size.map((all, i) => clamp((place[i] + 0.5 - (at[i] - middle[i]) / next) / all, 0, 1));
    change({ zoom: next, centre });
  }

  #wheel(event) {
    event.preventDefault();
    this.turned = (this.turned ?? 0) + event.deltaY;
    if (Math.abs(this.turned) < 30) return;
    this.step(this.turned < 0 ? 1 : -1, this.#under(event));
    this.turned = 0;
  }
}

export function freeName() {
  const taken = new Set(state.lines.map((line) => line.name));
  for (let number = 1; ; number++) if (!taken.has(`line ${number}`)) return `line ${number}`;
}

function distance([x, y], { a, b }) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const along = clamp(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy), 0, 1);
  return Math.hypot(x - a[0] - along * dx, y - a[1] - along * dy);
}
