// Small helpers of the form: elements, requests, numbers as people read them.

export const byId = (id) => document.getElementById(id);

// An element; texts stay text, whatever they hold.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "for" || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// What the server answers; its own words where it refuses.
export async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The program has stopped: run cleartract app again.");
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

export async function post(path, content = {}) {
  const body = JSON.stringify(content);
  return (await ask(path, { method: "POST", body, headers: { "Content-Type": "application/json" } })).json();
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function counted(number) {
  return number.toLocaleString("en");
}
