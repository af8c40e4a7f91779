// The form: choose a recording, see what it is, denoise it, watch it.

import { ask, byId, duration, post } from "./elements.js";
import { Library } from "./library.js";
import { Options } from "./options.js";
import { Runs } from "./runs.js";

const OFTEN = 500; // [ms] between looks at the runs while one is at work
const SELDOM = 3000; // [ms] otherwise

async function begin() {
  const start = await (await ask("start")).json();
  byId("where").textContent = start.out ? `Results go to ${start.out}` : "Each result goes beside its recording";
  const options = new Options(start.fields);
  const library = new Library(start, options);
  const runs = new Runs(() => look());
  const made = new Map(); // how previews were made, by number: {cost, weights}
  const usual = options.value("weights");

  function estimate() {
    const { facts, look: looked, chosen } = library;
    const preview = runs.preview(chosen);
    const weights = options.value("weights");
    const how = preview?.speed ? made.get(preview.number) : null;
    const told = how?.weights === weights;
    const speed = told ? preview.speed * how.cost : weights === usual ? looked?.speed : null;
    const text = facts && speed ? `About ${duration((facts.frames / speed) * options.cost())} on this machine, ${told ? "as the preview tells" : "as one look tells"}` : "";
    byId("estimate").textContent = text || (facts && !looked ? "Measuring how long it takes …" : "");
    for (const id of ["preview", "run"]) byId(id).disabled = facts === null;
    byId("run").classList.toggle("main", preview !== null);
  }

  async function add(preview) {
    if (!options.valid) return;
    byId("problem").textContent = "";
    try {
      const job = await post("jobs", { recording: library.chosen, preview, options: options.values() });
      if (preview) made.set(job.number, { cost: options.cost(), weights: options.value("weights") });
      await look();
      if (innerWidth <= 1100) document.querySelector("#jobs .job")?.scrollIntoView({ block: "start" });
    } catch (error) {
      byId("problem").textContent = error.message;
    }
  }

  let waiting = null;
  async function look() {
    clearTimeout(waiting);
    try {
      await runs.load();
      if (byId("none").textContent.startsWith("The program")) byId("none").textContent = "";
      estimate();
    } catch (error) {
      byId("problem").textContent = error.message;
    }
    clearTimeout(waiting);
    waiting = setTimeout(look, runs.busy ? OFTEN : SELDOM);
  }

  library.onchoose = estimate;
  options.onchange = estimate;
  options.inputs.get("rate").addEventListener("change", () => library.chosen !== null && library.describe());
  byId("preview").addEventListener("click", () => add(true));
  byId("run").addEventListener("click", () => add(false));
  await library.load();
  await look();
  const remembered = Number(/^#recording=([0-9]{1,9})$/.exec(location.hash)?.[1] ?? NaN);
  const there = library.recordings.map(({ number }) => number);
  if (there.includes(remembered)) library.choose(remembered);
  else if (there.length === 1) library.choose(there[0]);
  document.body.dataset.ready = "1";
}

begin().catch((error) => (byId("problem").textContent = error.message));
