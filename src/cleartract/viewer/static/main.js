// The player: what happens on each drawn frame, and how the parts hang together.

import { Clock } from "./clock.js";
import { byId, Controls } from "./controls.js";
import { movingLine } from "./profile.js";
import { Source } from "./source.js";
import { Stage } from "./stage.js";
import { address, change, clamp, frameAt, framePlanes, fromAddress, listen, rateOf, shownPlanes, state, timeOf } from "./state.js";
import { Tracks } from "./tracks.js";

const FIRST_VIEW = 12; // [s] shown at first
const REMEMBERED = 400; // [ms] after which the address follows
const SAVED = 500; // [ms] after the last change of a line
const PATIENCE = 300; // [ms] before "loading" is said

class Player {
  async start() {
    const source = (this.source = new Source());
    source.onproblem = (text) => this.problem(text);
    const info = await source.open();
    document.title = `${info.name} – ClearTract`;
    change({ info });
    const compared = framePlanes().slice(0, 2);
    const plane = info.planes[0];
    const to = Math.min(info.count, Math.ceil(FIRST_VIEW * rateOf(info)));
    change({ pair: compared, low: plane.low, high: plane.high, to, lines: this.#stored(info.lines) });
    this.clock = new Clock(source);
    this.clock.onend = () => change({ playing: false, frame: info.count - 1 });
    this.stage = new Stage(source, byId("picture"), byId("wipe"));
    this.tracks = new Tracks(source, byId("tracks"), byId("playhead"), byId("overview"), (frame) => this.go(frame));
    this.controls = new Controls(source, this.stage, this.tracks, this);
    this.stage.onedit = () => this.#keepLines();
    source.onload = () => (this.stale = this.staleTracks = true);
    listen((names) => this.#changed(names));
    this.known = location.hash; // last written or followed
    change(fromAddress(location.hash));
    this.clock.seek(timeOf(state.frame));
    this.#changed(new Set(Object.keys(state)));
    document.body.classList.remove("loading");
    byId("lines-note").textContent = this.#whereLinesAre(info);
    if (info.warnings.length) this.say(info.warnings.join("; "), 8000);
    addEventListener("hashchange", () => this.#recall());
    addEventListener("resize", () => (this.stale = this.staleTracks = true));
    if (info.sound) this.#listenToOutline();
    if (info.measures) this.#measure();
    this.unguessed = !state.lines.length && !info.linesRefused;
    if (this.unguessed) this.#guess();
    requestAnimationFrame(() => this.#tick());
    window.cleartract = { state, clock: this.clock, source, stage: this.stage, tracks: this.tracks };
  }

  #stored(lines) {
    const { info } = state;
    const pixels = ([x, y]) => [clamp(x / info.pixelSize, 0, info.size[1] - 1), clamp(y / info.pixelSize, 0, info.size[0] - 1)];
    return Object.entries(lines).map(([name, [a, b]]) => ({ name, a: pixels(a), b: pixels(b) }));
  }

  #whereLinesAre(info) {
    if (info.linesRefused) return info.linesRefused;
    if (info.embedded) return "Lost when this page is closed: save them as CSV above. cleartract view keeps them.";
    return `${state.lines.length ? "Kept" : "Lines that you draw or move are kept"} in ${info.linesFile}`;
  }

  // A first line, so that there is a kymograph to look at; it is kept once it is moved.
  async #guess() {
    const found = this.#stored(await this.source.guess().catch(() => ({})));
    if (!this.unguessed) return;
    if (found.length) change({ lines: found });
    else this.guessing = true;
    this.unguessed = false;
  }

  // Where no vocal tract is found: down where most moves.
  #guessLine() {
    const { chunk, count, size } = state.info;
    const many = Math.min(chunk, count);
    const frames = [];
    for (let frame = 0; frame < many; frame += Math.max(1, Math.floor(many / 32))) {
      const numbers = this.source.frame(state.pair.at(-1), frame);
      if (!numbers) return;
      frames.push(numbers);
    }
    this.guessing = false;
    if (!state.lines.length) change({ lines: [{ name: "line 1", ...movingLine(frames, size[1], size[0]) }] });
  }

  async #measure() {
    try {
      this.tracks.setMeasures(await this.source.measures());
      this.staleTracks = true;
    } catch (error) {
      this.problem(error.message);
    }
  }

  async #listenToOutline() {
    try {
      for (;;) {
        const { pairs, complete } = await this.source.outline();
        this.tracks.setOutline(pairs);
        this.staleTracks = true;
        if (complete) return;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    } catch (error) {
      this.problem(error.message);
    }
  }

  go(frame) {
    const to = clamp(frame, 0, state.info.count - 1);
    this.source.jump();
    this.#ask(to); // before anything is drawn: the answer takes longer than the drawing
    this.clock.seek(timeOf(to));
    change({ frame: to });
    this.tracks.follow(to);
  }

  #ask(frame) {
    for (const plane of shownPlanes()) this.source.frame(plane, frame);
  }

  toggle() {
    if (state.playing) {
      this.clock.pause();
      change({ playing: false });
      this.go(frameAt(this.clock.seconds()));
      return;
    }
    if (state.loop && state.selection) {
      const [first, end] = state.selection;
      if (state.frame < first || state.frame >= end) this.go(first);
    }
    change({ playing: true });
    this.clock.play();
  }

  say(text, duration = 0) {
    byId("message").textContent = text;
    clearTimeout(this.silence);
    if (text && duration) this.silence = setTimeout(() => this.say(""), duration);
  }

  problem(text) {
    if (text === this.trouble) return;
    this.trouble = text;
    this.say(text);
  }

  #changed(names) {
    this.stale = true;
    const axis = ["pair", "from", "to", "lines", "low", "high", "info", "active"];
    if (axis.some((name) => names.has(name))) this.staleTracks = true;
    if (names.has("loop") || names.has("selection") || names.has("speed") || names.has("muted")) {
      const ends = state.loop ? (state.selection ?? [0, state.info.count]) : null;
      this.clock.set(state.speed, ends && ends.map(timeOf), state.muted);
      const loops = names.has("loop") && state.loop && state.selection;
      if (loops && state.playing && state.frame >= state.selection[1]) this.go(state.selection[0]);
    }
    this.controls.update(names);
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => this.#remember(), REMEMBERED);
  }

  #remember() {
    if (state.playing) {
      this.remembering = setTimeout(() => this.#remember(), 4 * REMEMBERED);
      return;
    }
    if (location.hash !== this.known) return; // a new address is on its way: its event has not come yet
    try {
      history.replaceState(null, "", address());
    } catch {
      // some browsers keep the address of a file as it is
    }
    this.known = location.hash;
  }

  #recall() {
    if (location.hash === this.known) return;
    this.known = location.hash;
    change(fromAddress(location.hash));
    this.go(state.frame);
  }

  #keepLines() {
    this.guessing = this.unguessed = false;
    if (state.info.embedded || state.info.linesRefused) return;
    clearTimeout(this.saving);
    this.saving = setTimeout(async () => {
      const mm = (place) => place.map((pixels) => Number((pixels * state.info.pixelSize).toFixed(4)));
      const lines = Object.fromEntries(state.lines.map(({ name, a, b }) => [name, [mm(a), mm(b)]]));
      try {
        const { saved } = await this.source.saveLines(lines);
        byId("lines-note").textContent = `Kept in ${saved}`;
      } catch (error) {
        byId("lines-note").textContent = `Not kept: ${error.message}`;
      }
    }, SAVED);
  }

  #tick() {
    requestAnimationFrame(() => this.#tick());
    if (state.playing) {
      const frame = frameAt(this.clock.seconds());
      if (frame !== state.frame) {
        change({ frame });
        this.tracks.follow(frame);
      }
    }
    if (this.guessing) this.#guessLine();
    if (this.stale) {
      const drawn = this.stage.draw();
      this.stale = !drawn && this.source.flying.size === 0;
      this.#waitingFor(drawn);
      this.#prefetch();
    }
    if (this.staleTracks) this.staleTracks = this.tracks.draw();
    else if (this.headAt !== this.#head()) this.tracks.drawPlayhead();
    this.headAt = this.#head();
  }

  #head() {
    return `${state.frame}|${state.selection}|${state.marks.size}|${state.from}`;
  }

  #waitingFor(drawn) {
    if (drawn) {
      clearTimeout(this.impatient);
      this.impatient = null;
      if (this.loading) this.say("");
      this.loading = false;
    } else if (!this.impatient) {
      this.impatient = setTimeout(() => {
        this.loading = true;
        if (!this.trouble) this.say("Loading …");
      }, PATIENCE);
    }
  }

  // What is played next.
  #prefetch() {
    const chunk = state.info.chunk;
    for (const ahead of [state.frame + chunk, state.selection && state.loop ? state.selection[0] : -1]) {
      if (ahead < 0 || ahead >= state.info.count) continue;
      for (const plane of shownPlanes()) this.source.frame(plane, ahead, false);
    }
    if (state.info.sound) this.source.sound(Math.floor(timeOf(state.frame) / state.info.sound.piece), false);
  }
}

const player = new Player();
player.start().catch((error) => player.say(error.message));
