// Recordings to choose from, files that are dropped, and what the chosen one is.

import { ask, byId, counted, duration, make } from "./elements.js";

const AGAIN = 700; // [ms] before a look is asked for again

export class Library {
  constructor(start, options) {
    Object.assign(this, { start, options, recordings: [], chosen: null, facts: null, look: null });
    this.onchoose = () => {};
    byId("filter").addEventListener("input", () => this.#list());
    byId("again").addEventListener("click", () => this.load(true));
    byId("file").addEventListener("change", (event) => this.#upload([...event.target.files]));
    for (const kind of ["dragover", "dragenter"]) {
      addEventListener(kind, (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        document.body.classList.add("dragging");
      });
    }
    addEventListener("dragleave", (event) => !event.relatedTarget && document.body.classList.remove("dragging"));
    addEventListener("drop", (event) => {
      document.body.classList.remove("dragging");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.#upload([...event.dataTransfer.files]);
    });
  }

  async load(again = false) {
    const { recordings, told } = await (await ask(`recordings${again ? "?again=1" : ""}`)).json();
    this.recordings = recordings;
    byId("told").textContent = told.join("; ");
    this.#list();
  }

  #list() {
    const wanted = byId("filter").value.trim().toLowerCase();
    const shown = this.recordings.filter(({ name }) => name.toLowerCase().includes(wanted));
    const several = new Set(this.recordings.map(({ folder }) => folder)).size > 1;
    byId("recordings").replaceChildren(...shown.map(({ number, name, folder }) => {
      const button = make("button", { type: "button", "aria-current": String(number === this.chosen) }, name);
      if (several) button.append(make("span", { className: "small" }, folder));
      button.addEventListener("click", () => this.choose(number));
      return make("li", {}, button);
    }));
    if (!shown.length) byId("recordings").append(make("li", { className: "small" }, wanted ? "No name fits." : "No recordings here yet."));
  }

  async choose(number) {
    Object.assign(this, { chosen: number, facts: null, look: null });
    history.replaceState(null, "", `#recording=${number}`);
    this.#list();
    byId("chosen-name").textContent = this.recordings.find((one) => one.number === number)?.name ?? "";
    for (const id of ["facts", "warnings"]) byId(id).replaceChildren();
    this.onchoose();
    await this.describe();
  }

  // What the chosen recording is, now that its rate may be told.
  async describe() {
    const number = this.chosen;
    const asked = (this.asked = (this.asked ?? 0) + 1);
    const rate = this.options.value("rate");
    const query = rate ? `?rate=${encodeURIComponent(rate)}` : "";
    byId("problem").textContent = "";
    try {
      const facts = await (await ask(`recordings/${number}${query}`)).json();
      if (asked !== this.asked) return; // another one was chosen meanwhile
      this.facts = facts;
      this.#show();
      this.onchoose();
      for (;;) {
        const answer = await ask(`recordings/${number}/look${query}`);
        if (asked !== this.asked) return;
        if (answer.status !== 202) {
          const look = await answer.json();
          if (asked !== this.asked) return;
          this.look = look;
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
        if (asked !== this.asked) return;
      }
      this.#show();
    } catch (error) {
      if (asked !== this.asked) return;
      byId("problem").textContent = error.message;
    }
    this.onchoose();
  }

  #show() {
    const { frames, rate, size, seconds, sound, annotation, warnings, cut, path } = this.facts;
    const fps = rate[1] === 1 ? String(rate[0]) : `${(rate[0] / rate[1]).toFixed(2)} (${rate[0]}/${rate[1]})`;
    const rows = [
      ["Frames", `${counted(frames)}, ${fps} a second, ${size[1]} × ${size[0]} pixels`],
      ["Length", `${seconds.toFixed(seconds < 100 ? 2 : 0)} s`],
      ["Sound", sound ? `${counted(sound)} Hz; ${this.#late()}` : "none: the model works without it"],
      ["Words", annotation ?? "no TextGrid or .eaf beside it"],
      ["File", path],
    ];
    byId("facts").replaceChildren(...rows.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
    const told = [...(cut ? [`${cut}; tick “Salvage” to denoise what is left`] : []), ...warnings, ...(this.look?.warnings ?? [])];
    byId("warnings").replaceChildren(...[...new Set(told)].map((text) => make("li", {}, text)));
  }

  #late() {
    if (!this.look) return "looking whether it is late …";
    if (this.look.error) return this.look.error;
    if (!this.look.late) return "whether it is late cannot be told";
    const [late, error] = this.look.late.map(Math.round);
    return `${Math.abs(late)} ms ${late < 0 ? "early" : "late"} (± ${error}) in its first ${duration(this.look.seconds)}`;
  }

  async #upload(files) {
    const say = (text) => (byId("upload").textContent = text);
    for (const file of files) {
      try {
        if (file.size > this.start.largest) throw new Error(`${file.name}: larger than ${this.start.largest / 1e9} GB; put it into the folder instead`);
        say(`Adding ${file.name} …`);
        const added = await (await ask(`uploads?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file })).json();
        say(`${file.name} is added.`);
        await this.load();
        await Promise.race([this.choose(added.number), new Promise((resolve) => setTimeout(resolve, 300))]);
      } catch (error) {
        say(error.message);
      }
    }
    byId("file").value = "";
  }
}
