// The runs: how far each is, its newest frame, its result.

import { ask, byId, counted, duration, make, post } from "./elements.js";

const STEPS = { "": "Starting", surveying: "Looking at the recording", denoising: "Denoising", writing: "Writing the result" };

class Card {
  constructor(job, changed) {
    this.seen = -1;
    this.number = job.number;
    const canvas = (label) => make("canvas", { width: job.size[1], height: job.size[0], role: "img", "aria-label": label });
    this.pictures = [canvas("Noisy frame"), canvas("Denoised frame")];
    this.captions = [make("figcaption", {}, "noisy"), make("figcaption", {}, "denoised")];
    this.frames = make("div", { className: "frames", hidden: true }, ...this.pictures.map((picture, i) => make("figure", {}, picture, this.captions[i])));
    this.state = make("p", { className: "state" });
    this.bar = make("progress", { max: job.frames, "aria-label": `Frames of ${job.name} that are done` });
    this.said = make("ul", { className: "warnings" });
    this.links = make("div", { className: "links" });
    const copy = make("button", { type: "button" }, "Copy");
    const code = (this.code = make("code", { tabIndex: 0 }, job.command));
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.job.command);
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    });
    const repeat = make("details", {}, make("summary", {}, "Command line to repeat it"), code, copy);
    this.title = job.preview ? `${job.name}: first ${job.preview.replace("s", " s")}` : job.name;
    this.element = make("li", { className: "job" }, make("h3", {}, this.title), this.state, this.bar, this.frames, this.said, this.links);
    if (!job.preview) this.element.append(repeat);
    const act = async (action) => {
      try {
        await post(`jobs/${job.number}/${action}`);
      } catch (error) {
        this.state.textContent = error.message;
      }
      changed();
    };
    const button = (text, action, title) => {
      const made = make("button", { type: "button", title, "aria-label": `${text}: ${this.title}` }, text);
      made.addEventListener("click", () => act(action));
      return made;
    };
    const link = (text, path, more = {}) => make("a", { className: "button", href: `${path}`, "aria-label": `${text}: ${this.title}`, ...more }, text);
    this.buttons = {
      cancel: button("Cancel", "cancel", "Stop; finished frames are kept"),
      resume: button("Go on", "resume", "Go on where it was stopped"),
      again: button("Try again", "resume", "Begin it again"),
      drop: button("Remove", "drop", "Remove it from this list; results stay"),
      look: link("Look at it", `view/${job.number}/`, { className: "button main", target: "_blank" }),
      sidecar: link("Sidecar", `jobs/${job.number}/sidecar`, { target: "_blank", title: "How it was made, to the last parameter" }),
      result: link("Download", `jobs/${job.number}/result`, { download: "" }),
    };
  }

  update(job) {
    if (this.job?.state !== job.state || this.job?.stopping !== job.stopping) {
      this.seen = -1;
      if (job.state === "done") this.captions[1].textContent = "denoised"; // the final frame is on its way
      this.element.className = `job ${job.state}`;
      this.#offer(job);
    }
    const before = this.job;
    this.job = job;
    const running = job.state === "running";
    this.bar.hidden = !running;
    if (running && job.step === "surveying" && !job.done) this.bar.removeAttribute("value");
    else this.bar.value = job.done;
    this.state.textContent = this.text(job);
    if (this.code.textContent !== job.command) this.code.textContent = job.command;
    if (before?.said.join() !== job.said.join()) {
      const only = job.preview ? " (said of these seconds alone)" : "";
      this.said.replaceChildren(...job.said.map((text) => make("li", {}, text + only)));
    }
    const moved = job.done !== before?.done || job.state !== before?.state;
    if ((running && job.step !== "surveying" && moved) || (job.state === "done" && this.seen < 0)) this.#picture();
  }

  text(job) {
    const { done, frames, left, seconds, speed, removed } = job;
    if (job.state === "waiting") return "Waits for its turn";
    if (job.state === "cancelled") return job.kept ? `Cancelled; ${counted(done)} finished frames are kept` : "Cancelled";
    if (job.state === "failed") return "Failed";
    if (job.stopping) return "Cancelling …";
    if (job.state === "running") {
      const rest = left === null || job.step !== "denoising" ? "" : `, ${duration(left)} left`;
      const far = job.step && job.step !== "writing" && done ? `: ${counted(done)} of ${counted(frames)} frames${rest}` : " …";
      return `${STEPS[job.step]}${far}`;
    }
    const parts = [`Done: ${counted(frames)} frames${seconds ? ` in ${duration(seconds)} (${Math.round(speed)} a second)` : ""}`];
    if (removed !== undefined && removed !== null) parts.push(`removed ${(100 * removed).toFixed(1)}\u00a0% of the brightest tissue`);
    return parts.join("; ");
  }

  #offer(job) {
    const { cancel, resume, again, drop, look, sidecar, result } = this.buttons;
    const offered = {
      waiting: [cancel], running: job.stopping ? [] : [cancel], done: job.preview ? [look, drop] : [look, sidecar, result, drop],
      failed: [job.kept ? resume : again, drop], cancelled: [job.kept ? resume : again, drop],
    };
    const held = this.links.contains(document.activeElement);
    drop.title = job.kept ? "Remove it from this list, and its finished frames" : "Remove it from this list; results stay";
    this.links.replaceChildren(...offered[job.state]);
    if (held) (this.links.firstChild ?? this.code).focus();
  }

  async #picture() {
    if (this.asking) return;
    this.asking = true;
    const state = this.job.state;
    try {
      const answer = await ask(`jobs/${this.number}/frame?seen=${this.seen}`);
      const said = this.job.state === state; // else it is of the state before
      if (said && answer.status !== 204) this.#draw(Number(answer.headers.get("X-Frame")), new Uint8Array(await answer.arrayBuffer()));
    } catch (error) {
      if (this.job.state === "done") this.captions[1].textContent = error.message;
    }
    this.asking = false;
    if (this.job.state !== state) this.update(this.job);
  }

  #draw(frame, levels) {
    this.seen = frame;
    const pixels = levels.length / 2;
    this.pictures.forEach((canvas, i) => {
      const context = canvas.getContext("2d");
      const image = context.createImageData(canvas.width, canvas.height);
      for (let j = 0; j < pixels; j++) image.data.fill(levels[i * pixels + j], 4 * j, 4 * j + 3);
      for (let j = 0; j < pixels; j++) image.data[4 * j + 3] = 255;
      context.putImageData(image, 0, 0);
    });
    const early = this.job.state === "running"; // what repeats is given back at the end
    this.captions[1].textContent = `denoised, frame ${counted(frame)}${early ? ", not final yet" : ""}`;
    this.frames.hidden = false;
    this.element.dataset.frame = frame;
  }
}

export class Runs {
  constructor(changed) {
    this.cards = new Map();
    this.changed = changed;
    this.jobs = [];
  }

  async load() {
    const before = this.jobs;
    this.jobs = await (await ask("jobs")).json();
    const list = byId("jobs");
    const there = new Set(this.jobs.map(({ number }) => number));
    for (const [number, card] of this.cards) {
      if (there.has(number)) continue;
      card.element.remove();
      this.cards.delete(number);
    }
    for (const job of this.jobs) {
      if (!this.cards.has(job.number)) {
        const card = new Card(job, this.changed);
        this.cards.set(job.number, card);
        list.prepend(card.element);
      }
      this.cards.get(job.number).update(job);
      const known = before.find(({ number }) => number === job.number);
      if (known && known.state !== job.state) byId("said").textContent = `${this.cards.get(job.number).title}: ${this.cards.get(job.number).text(job)}`;
    }
    byId("none").hidden = this.jobs.length > 0;
    const running = this.jobs.find(({ state }) => state === "running");
    const share = running && running.step === "denoising" ? `${Math.floor((100 * running.done) / running.frames)} % – ` : "";
    document.title = `${share}ClearTract`;
  }

  get busy() {
    return this.jobs.some(({ state }) => state === "running" || state === "waiting");
  }

  // The last preview of a recording that is done, or null.
  preview(recording) {
    return this.jobs.findLast((job) => job.recording === recording && job.preview && job.state === "done") ?? null;
  }
}
