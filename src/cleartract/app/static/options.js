// The options of the command line: inputs made from their description, and the values that differ.

import { byId, make } from "./elements.js";

const LABELS = {
  quality: "Quality", target: "Target", no_audio: "Without sound", audio_offset: "Sound is late by [ms]", suffix: "Kind of result",
  master: "Lossless master", opinion_map: "Opinion map", residual: "Residual", max_memory: "Most memory [GB]",
};
const PAIRS = { whole: "number", number: "number", text: "text" };

export class Options {
  constructor(fields) {
    this.fields = fields;
    this.inputs = new Map();
    this.onchange = () => {};
    for (const field of fields) byId(field.more ? "more" : "fields").append(this.#row(field));
    byId("options").addEventListener("submit", (event) => event.preventDefault());
    byId("options").addEventListener("input", () => this.onchange());
  }

  #row(field) {
    const id = `option-${field.name}`;
    const input = this.#input(field);
    input.id = id;
    input.setAttribute("aria-describedby", `${id}-help`);
    this.inputs.set(field.name, input);
    const plain = field.name[0].toUpperCase() + field.name.slice(1).replaceAll("_", " ");
    return make("div", { className: "field" },
      make("label", { for: id, title: field.option }, LABELS[field.name] ?? plain), input,
      make("p", { className: "small", id: `${id}-help` }, field.help));
  }

  #input({ kind, choices, default: value, least, above, largest }) {
    if (kind === "flag") return make("input", { type: "checkbox", checked: value });
    if (kind === "choice") {
      const select = make("select", {}, ...choices.map((choice) => new Option(choice || "by default", choice)));
      select.value = value ?? "";
      return select;
    }
    const input = make("input", { type: PAIRS[kind], value: value ?? "", placeholder: value === null ? "by default" : "" });
    if (kind === "text") return Object.assign(input, { maxLength: 200 });
    input.step = kind === "whole" ? 1 : "any";
    if ((least ?? above) !== undefined) input.min = least ?? above;
    if (largest !== undefined) input.max = largest;
    input.required = value !== null;
    return input;
  }

  // Whether all inputs hold what they may; the first that does not is shown.
  get valid() {
    const wrong = [...this.inputs.values()].find((input) => !input.checkValidity());
    const folded = wrong?.closest("details");
    if (folded) folded.open = true;
    wrong?.reportValidity();
    return !wrong;
  }

  value(name) {
    const { kind, default: value } = this.fields.find((field) => field.name === name);
    const input = this.inputs.get(name);
    if (kind === "flag") return input.checked;
    if (input.value === "") return value ?? null;
    return kind === "whole" || kind === "number" ? Number(input.value) : input.value;
  }

  // Values that differ from the defaults.
  values() {
    const chosen = this.fields.map(({ name, default: value }) => [name, this.value(name), value]);
    return Object.fromEntries(chosen.filter(([, value, other]) => value !== other).map(([name, value]) => [name, value]));
  }

  // Network evaluations a frame, against those of the defaults.
  cost() {
    const quality = { fast: null, texture: [12, 1], uncertainty: [12, 8] }[this.value("quality")];
    const [steps, samples] = quality ?? [this.value("steps"), this.value("samples")];
    const overlap = this.value("window_duration") / this.value("step_duration") / (16 / 12);
    return steps * samples * Math.max(overlap || 1, 0.1) * (this.value("guidance") === 1 ? 1 : 2);
  }
}
