// Buttons, sliders, the list of lines and the keys.

import { heat, LINE_COLOURS, short, signed } from "./colours.js";
import { removed, removedRange } from "./picture.js";
import { saveGif, saveKymograph, saveLines, savePicture, saveStrip, download, stem } from "./saving.js";
import { change, clamp, framePlanes, planeNumber, rateOf, SPEEDS, state, timeOf } from "./state.js";
import { freeName } from "./stage.js";

const STEPS = 1000; // of the sliders
const NUDGE = 0.5; // [pixels] a key moves a line
const CLIP = 60; // [s] of a saved video at most

const PROGRAM = "Videos are made by the program: open the recording by cleartract view. GIF works here.";

export const byId = (id) => document.getElementById(id);

export class Controls {
  constructor(source, stage, tracks, player) {
    Object.assign(this, { source, stage, tracks, player });
    const { planes } = source.info;
    this.compared = state.pair.length > 1;
    // values that the sliders reach: three windows wide around the first one
    const width = planes[0].high - planes[0].low;
    this.reach = [planes[0].low - width / 2, planes[0].high + width];
    byId("views").hidden = !this.compared;
    for (const button of byId("overlays").children) button.hidden = planeNumber(button.dataset.overlay) < 0;
    byId("name").textContent = source.info.name;
    byId("name").title = planes.map((plane) => plane.file).join(", ");
    byId("speed").replaceChildren(...SPEEDS.map((speed) => new Option(speed === 1 ? "1×" : `${speed}×`, speed)));
    byId("mute").hidden = !source.info.sound;
    if (source.info.embedded) this.#needsProgram(byId("save-clip"));
    this.#pairs();
    this.#buttons();
    this.#keys();
  }

  // Which two planes are compared, where there are more.
  #pairs() {
    const planes = framePlanes();
    byId("pair").hidden = planes.length < 3;
    for (const [place, id] of ["first", "second"].entries()) {
      byId(id).replaceChildren(...planes.map((plane) => new Option(this.source.info.planes[plane].name, plane)));
      byId(id).addEventListener("change", (event) => {
        const pair = state.pair.with(place, Number(event.target.value));
        change({ pair: pair[0] === pair[1] ? state.pair.toReversed() : pair });
      });
    }
  }

  toggle(name) {
    change({ [name]: !state[name] });
  }

  overlay(name) {
    if (planeNumber(name) <= 0) return;
    const overlay = state.overlay === name ? "" : name;
    change(overlay && state.mode === "difference" ? { overlay, mode: "side" } : { overlay });
  }

  mode(name) {
    if (!this.compared) return;
    change(name === "difference" ? { mode: name, overlay: "" } : { mode: name }); // colours of one meaning
  }

  speed(direction) {
    const at = SPEEDS.indexOf(state.speed) + direction;
    change({ speed: SPEEDS[clamp(at, 0, SPEEDS.length - 1)] });
  }

  auto() {
    const { low, high } = state.info.planes[0];
    change({ low, high, range: 0.25 });
  }

  mark() {
    const marks = new Set(state.marks);
    if (!marks.delete(state.frame)) marks.add(state.frame);
    change({ marks });
  }

  select(end) {
    const [first, last] = state.selection ?? [0, state.info.count];
    const at = state.frame;
    const selection = end ? [Math.min(first, at), at + 1] : [at, Math.max(last, at + 1)];
    change({ selection });
  }

  newLine() {
    const [height, width] = state.info.size;
    const x = Math.round(width * (0.3 + 0.1 * (state.lines.length % 5)));
    const line = { name: freeName(), a: [x, Math.round(height * 0.3)], b: [x, Math.round(height * 0.7)] };
    change({ lines: [...state.lines, line], active: state.lines.length });
    this.stage.onedit();
    byId("lines").querySelector("li:last-child .grip")?.focus();
  }

  #buttons() {
    const click = (id, action) => byId(id).addEventListener("click", action);
    for (const button of byId("views").children) button.addEventListener("click", () => this.mode(button.dataset.mode));
    for (const button of byId("overlays").children) button.addEventListener("click", () => this.overlay(button.dataset.overlay));
    click("play", () => this.player.toggle());
    click("back", () => this.player.go(state.frame - 1));
    click("forward", () => this.player.go(state.frame + 1));
    click("mute", () => this.toggle("muted"));
    click("loop", () => this.toggle("loop"));
    click("mark", () => this.mark());
    click("auto", () => this.auto());
    click("zoom-in", () => this.stage.step(1));
    click("zoom-out", () => this.stage.step(-1));
    click("time-in", () => this.tracks.zoom(0.5));
    click("time-out", () => this.tracks.zoom(2));
    click("time-all", () => change({ from: 0, to: state.info.count }));
    click("draw-line", () => change({ tool: state.tool === "line" ? "move" : "line" }));
    click("open-help", () => byId("help").showModal());
    click("open-side", () => {
      const open = byId("side").classList.toggle("open");
      byId("open-side").setAttribute("aria-expanded", open);
    });
    click("save-png", () => this.#saving(() => savePicture(this.source)));
    click("save-strip", () => this.#saving(() => saveStrip(this.source)));
    click("save-kymograph", () => this.#saving(() => saveKymograph(this.source)));
    click("save-lines", () => this.#saving(() => saveLines()));
    click("save-gif", () => this.#saving(() => saveGif(this.source, (text) => this.player.say(text))));
    click("save-clip", () => this.#saving(() => this.#clip()));
    byId("speed").addEventListener("change", (event) => change({ speed: Number(event.target.value) }));
    for (const select of document.querySelectorAll("select")) this.#letGo(select);
    const slide = () => {
      const width = (Number(byId("window").value) / STEPS) * (this.reach[1] - this.reach[0]);
      const level = this.reach[0] + (Number(byId("level").value) / STEPS) * (this.reach[1] - this.reach[0]);
      const half = Math.max(width, (this.reach[1] - this.reach[0]) / STEPS) / 2;
      change({ low: level - half, high: level + half });
    };
    byId("window").addEventListener("input", slide);
    byId("level").addEventListener("input", slide);
    byId("range").addEventListener("input", (event) => change({ range: Number(event.target.value) / 100 }));
  }

  // Keys belong to the player again after a choice by the pointer, or after Enter.
  #letGo(select) {
    let pointed = false;
    const back = () => byId("picture").focus({ preventScroll: true });
    select.addEventListener("pointerdown", () => (pointed = true));
    select.addEventListener("change", () => {
      if (pointed) back();
      pointed = false;
    });
    select.addEventListener("keydown", ({ key }) => {
      if (key === "Enter" || key === "Escape") back();
    });
  }

  async #saving(action) {
    try {
      this.player.say("Saving …");
      await action();
      this.player.say("");
    } catch (error) {
      this.player.say(error.message, 6000);
    }
  }

  #needsProgram(button) {
    button.classList.add("elsewhere");
    button.title = PROGRAM;
  }

  async #clip() {
    if (state.info.embedded) throw new Error(PROGRAM);
    const [first, end] = state.selection ?? [Math.floor(state.from), Math.ceil(state.to)];
    if ((end - first) / rateOf(state.info) > CLIP) throw new Error(`Select up to ${CLIP} s first: drag across the time axis.`);
    download(`${stem()}_${first}-${end - 1}.mp4`, await this.source.clip(first, end - first, state.low, state.high));
  }

  #keys() {
    const [player, stage, tracks] = [this.player, this.stage, this.tracks];
    const page = () => state.to - state.from;
    const pan = (x, y) => change({ centre: [clamp(state.centre[0] + x, 0, 1), clamp(state.centre[1] + y, 0, 1)] });
    this.keys = {
      " ": ["space", "play, pause", () => player.toggle()],
      ArrowLeft: ["← →", "one frame; with shift ten", (event) => player.go(state.frame - (event.shiftKey ? 10 : 1))],
      ArrowRight: ["", "", (event) => player.go(state.frame + (event.shiftKey ? 10 : 1))],
      Home: ["Home End", "first, last frame", () => player.go(0)],
      End: ["", "", () => player.go(state.info.count - 1)],
      PageUp: ["Page ↑ ↓", "the time before, after", () => (tracks.shift(-page()), player.go(Math.floor(state.from)))],
      PageDown: ["", "", () => (tracks.shift(page()), player.go(Math.floor(state.from)))],
      1: ["1 to 5", "side by side, wipe, flicker, difference, residual", () => this.mode("side")],
      2: ["", "", () => this.mode("wipe")],
      3: ["", "", () => this.mode("flicker")],
      4: ["", "", () => this.mode("difference")],
      5: ["", "", () => this.mode("residual")],
      f: ["F (hold)", "the noisy frame instead", () => this.compared && change({ held: true })],
      u: ["U", "uncertainty in colour", () => this.overlay("uncertainty")],
      o: ["O", "opinion in colour", () => this.overlay("opinion")],
      "+": ["+ − 0", "zoom the picture, fit it", () => stage.step(1)],
      "=": ["", "", () => stage.step(1)],
      "-": ["", "", () => stage.step(-1)],
      0: ["", "", () => change({ zoom: 0, centre: [0.5, 0.5] })],
      h: ["H J", "narrower, wider window", () => this.window(0.9, 0)],
      j: ["", "", () => this.window(1 / 0.9, 0)],
      n: ["N Y", "lower, higher level", () => this.window(1, -0.05)],
      y: ["", "", () => this.window(1, 0.05)],
      a: ["A", "first window and level", () => this.auto()],
      z: ["Z X W", "less time, more time, all", () => tracks.zoom(0.5)],
      x: ["", "", () => tracks.zoom(2)],
      w: ["", "", () => change({ from: 0, to: state.info.count })],
      "[": ["[ ]", "selection begins, ends here", () => this.select(false)],
      "]": ["", "", () => this.select(true)],
      l: ["L", "repeat the selection", () => this.toggle("loop")],
      ",": [", .", "slower, faster", () => this.speed(-1)],
      ".": ["", "", () => this.speed(1)],
      m: ["M", "sound on or off", () => this.toggle("muted")],
      b: ["B", "mark this frame for the strip", () => this.mark()],
      k: ["K", "a new line; arrows move it, with shift turn it", () => this.newLine()],
      s: ["S", "save the picture", () => this.#saving(() => savePicture(this.source))],
      "?": ["?", "these keys", () => byId("help").showModal()],
      Escape: ["Esc", "no selection, no drawing", () => change({ selection: null, loop: false, tool: "move" })],
    };
    const described = Object.values(this.keys).filter(([shown]) => shown);
    const alt = ["Alt ← → ↑ ↓", "move a zoomed picture"];
    byId("keys").replaceChildren(...[...described, alt].map(([shown, meaning]) => {
      const row = document.createElement("div");
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, text.textContent] = [shown, meaning];
      row.append(term, text);
      return row;
    }));
    const moves = { ArrowLeft: [-0.05, 0], ArrowRight: [0.05, 0], ArrowUp: [0, -0.05], ArrowDown: [0, 0.05] };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || byId("help").open) return;
      const target = event.target;
      if (target.matches?.("input[type=text], input:not([type]), select")) return;
      if (target.matches?.("input[type=range]") && /^(Arrow|Page|Home$|End$)/.test(event.key)) return;
      if (event.key === " " && target.matches?.("button:not(#play):not(#wipe), a")) return; // presses it
      if (event.altKey && moves[event.key]) {
        event.preventDefault();
        pan(...moves[event.key]);
        return;
      }
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const found = Object.hasOwn(this.keys, key) && !event.altKey ? this.keys[key] : null;
      if (!found) return;
      event.preventDefault();
      if (!event.repeat || key.startsWith("Arrow") || "+-,.hjnyzx".includes(key)) found[2](event);
    });
    document.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "f" && state.held) change({ held: false });
      if (event.key === " " && event.target.matches?.("#play, #wipe")) event.preventDefault(); // already played
    });
    addEventListener("blur", () => change({ held: false }));
  }

  window(factor, shift) {
    const width = state.high - state.low;
    const level = (state.low + state.high) / 2 + shift * width;
    change({ low: level - (width * factor) / 2, high: level + (width * factor) / 2 });
  }

  // Brings buttons and numbers in line with the state.
  update(names) {
    const press = (button, on) => button.setAttribute("aria-pressed", on);
    const any = (...wanted) => wanted.some((name) => names.has(name));
    if (any("mode", "held")) for (const button of byId("views").children) press(button, button.dataset.mode === state.mode);
    if (any("pair") && this.compared) [byId("first").value, byId("second").value] = state.pair;
    if (any("overlay")) for (const button of byId("overlays").children) press(button, button.dataset.overlay === state.overlay);
    if (any("frame")) this.#time();
    if (any("playing")) {
      byId("play-sign").textContent = state.playing ? "❚❚" : "▶";
      byId("play-word").textContent = state.playing ? "Pause" : "Play";
      byId("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
    }
    if (any("speed")) byId("speed").value = state.speed;
    if (any("muted")) {
      press(byId("mute"), state.muted);
      byId("mute").textContent = state.muted ? "Sound off" : "Sound on";
    }
    if (any("loop")) press(byId("loop"), state.loop);
    if (any("marks", "frame")) press(byId("mark"), state.marks.has(state.frame));
    if (any("selection")) this.#selection();
    if (any("tool")) {
      press(byId("draw-line"), state.tool === "line");
      if (state.tool === "line") this.player.say("Drag across the vocal tract to draw a line.");
      else this.player.say("");
      if (state.tool === "line") byId("side").classList.remove("open");
    }
    if (any("low", "high", "range", "mode", "overlay", "pair")) this.#levels();
    if (any("zoom")) byId("zoom-value").textContent = state.zoom ? `${state.zoom}×` : "fit";
    if (any("lines", "active")) this.#lines();
  }

  #time() {
    byId("seconds").textContent = timeOf(state.frame).toFixed(3);
    byId("frame").textContent = state.frame;
    const overview = byId("overview");
    overview.setAttribute("aria-valuemax", state.info.count - 1);
    overview.setAttribute("aria-valuenow", state.frame);
    overview.setAttribute("aria-valuetext", `${timeOf(state.frame).toFixed(3)} seconds, frame ${state.frame}`);
  }

  #selection() {
    const chosen = state.selection;
    const text = chosen && `${timeOf(chosen[0]).toFixed(3)}–${timeOf(chosen[1]).toFixed(3)} s, ${chosen[1] - chosen[0]} frames`;
    byId("selection").textContent = text ?? "";
  }

  #levels() {
    const reach = this.reach[1] - this.reach[0];
    byId("window").value = Math.round(((state.high - state.low) / reach) * STEPS);
    byId("level").value = Math.round((((state.low + state.high) / 2 - this.reach[0]) / reach) * STEPS);
    byId("window-out").textContent = short(state.high - state.low);
    byId("level-out").textContent = short((state.low + state.high) / 2);
    byId("range").value = Math.round(100 * state.range);
    byId("range-out").textContent = short(removedRange());
    const signedMode = state.mode === "residual";
    const removes = signedMode || state.mode === "difference";
    byId("range-row").hidden = !removes;
    const over = state.overlay && state.info.planes[planeNumber(state.overlay)];
    byId("legend-box").hidden = !over && !removes;
    if (over) this.#legend(state.overlay === "opinion" ? "Opinion" : "Uncertainty", over.low, over.high, over.unit, state.overlay === "opinion" ? signed : heat);
    else if (state.mode === "difference") this.#legend(`|${removed()}|`, 0, removedRange(), state.info.planes[0].unit, heat);
    else if (signedMode) this.#legend(removed(), -removedRange(), removedRange(), state.info.planes[0].unit, null);
  }

  #legend(title, low, high, unit, colours) {
    byId("legend-title").textContent = title;
    byId("legend-low").textContent = short(low);
    byId("legend-high").textContent = short(high);
    byId("legend-unit").textContent = `[${unit}]`;
    const context = byId("legend").getContext("2d");
    for (let x = 0; x < 200; x++) {
      const at = 3 * Math.round((255 * x) / 199);
      const level = Math.round((255 * x) / 199);
      const [r, g, b] = colours ? colours.slice(at, at + 3) : [level, level, level];
      context.fillStyle = `rgb(${r} ${g} ${b})`;
      context.fillRect(x, 0, 1, 12);
    }
  }

  #lines() {
    const list = byId("lines");
    while (list.children.length > state.lines.length) list.lastChild.remove();
    while (list.children.length < state.lines.length) list.append(this.#item(list.children.length));
    [...list.children].forEach((item, number) => {
      const [grip, name] = item.children;
      if (document.activeElement !== name) name.value = state.lines[number].name;
      grip.setAttribute("aria-pressed", number === state.active);
    });
  }

  #item(number) {
    const item = document.createElement("li");
    const grip = document.createElement("button");
    const name = document.createElement("input");
    const away = document.createElement("button");
    grip.className = "grip";
    grip.textContent = "↕";
    grip.title = "Arrow keys move this line, with shift its end; Delete removes it";
    grip.setAttribute("aria-label", `Line ${number + 1}: move with arrow keys`);
    grip.classList.add(`line-${number % LINE_COLOURS.length}`);
    grip.style.background = LINE_COLOURS[number % LINE_COLOURS.length];
    name.maxLength = 60;
    name.setAttribute("aria-label", `Name of line ${number + 1}`);
    away.textContent = "×";
    away.title = "Remove this line";
    away.setAttribute("aria-label", `Remove line ${number + 1}`);
    const remove = () => {
      change({ lines: state.lines.toSpliced(number, 1), active: 0 });
      this.stage.onedit();
      const grips = byId("lines").querySelectorAll(".grip");
      (grips[Math.min(number, grips.length - 1)] ?? byId("draw-line")).focus();
    };
    grip.addEventListener("click", () => change({ active: number }));
    grip.addEventListener("keydown", (event) => {
      if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        return remove();
      }
      const move = { ArrowLeft: [-NUDGE, 0], ArrowRight: [NUDGE, 0], ArrowUp: [0, -NUDGE], ArrowDown: [0, NUDGE] }[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation();
      const line = state.lines[number];
      const [height, width] = state.info.size;
      const end = [clamp(line.b[0] + move[0], 0, width - 1), clamp(line.b[1] + move[1], 0, height - 1)];
      const moved = event.shiftKey ? { ...line, b: end } : this.stage.shifted(line, ...move);
      if (Math.hypot(moved.a[0] - moved.b[0], moved.a[1] - moved.b[1]) < 2) return;
      change({ lines: state.lines.with(number, moved), active: number });
      this.stage.onedit();
    });
    name.addEventListener("change", () => {
      const wanted = name.value.trim();
      const free = wanted && !state.lines.some((line, other) => other !== number && line.name === wanted);
      if (!free) return void (name.value = state.lines[number].name);
      change({ lines: state.lines.with(number, { ...state.lines[number], name: wanted }) });
      this.stage.onedit();
    });
    away.addEventListener("click", remove);
    item.append(grip, name, away);
    return item;
  }
}

