// Frames and sound by number, from the server or from inside this page, kept in bounded memory.

const BUDGET = 384e6; // [bytes] kept at most
const FLIGHTS = 2; // requests under way together, besides those of single frames
const HOLD = 200; // [ms] after a jump in which long spans let the frame that is shown go first
const MOST_WAITING = 48; // older wishes are forgotten: they are asked again if still wanted
const AGAIN = 400; // [ms] before what is not read yet is asked for again
const ARRAYS = { u1: Uint8Array, u2: Uint16Array, f4: Float32Array };

export class Source {
  constructor() {
    this.kept = new Map(); // by path, least lately used first
    this.bytes = 0;
    this.waiting = [];
    this.flying = new Set();
    this.heldUntil = 0;
    this.onload = () => {};
    this.onproblem = () => {};
    this.embedded = document.getElementById("held-info") !== null;
  }

  async open() {
    this.info = this.embedded
      ? JSON.parse(document.getElementById("held-info").textContent)
      : await (await this.#asked("info")).json();
    const [height, width] = this.info.size;
    this.pixels = height * width;
    return this.info;
  }

  // Bytes of all planes over some frames: what a kymograph of them must keep.
  cost(frames) {
    const sizes = this.info.planes.map((plane) => ARRAYS[plane.kind].BYTES_PER_ELEMENT);
    return frames * this.pixels * sizes.reduce((sum, size) => sum + size, 0);
  }

  affordable(frames) {
    return this.cost(frames) < 0.6 * BUDGET;
  }

  // Numbers of one frame, or null while they are on their way. What is urgent comes alone first.
  frame(plane, number, urgent = true) {
    const chunk = Math.floor(number / this.info.chunk);
    const kind = ARRAYS[this.info.planes[plane].kind];
    const path = `frames/${plane}/${chunk}`;
    if (urgent && !this.embedded && !this.kept.has(path)) {
      const single = this.#get(`frame/${plane}/${number}`, kind, true);
      this.#get(path, kind, true);
      return single;
    }
    const numbers = this.#get(path, kind, urgent);
    if (!numbers) return null;
    const first = (number - chunk * this.info.chunk) * this.pixels;
    return first + this.pixels <= numbers.length ? numbers.subarray(first, first + this.pixels) : null;
  }

  // Somebody jumps elsewhere: the frame there comes first.
  jump() {
    this.heldUntil = performance.now() + HOLD;
    this.waiting.length = 0;
    setTimeout(() => this.#start(), HOLD);
  }

  // Ten seconds of sound as 16-bit numbers, or null.
  sound(piece, urgent = true) {
    if (!this.info.sound || piece < 0 || piece >= this.info.sound.pieces) return null;
    return this.#get(`sound/${piece}`, Int16Array, urgent);
  }

  // Least and largest sample of every block, and whether these are all.
  async outline() {
    if (this.embedded) return { pairs: new Int16Array(decoded("outline")), complete: true };
    const answer = await this.#asked("outline");
    const complete = answer.headers.get("X-Complete") === "1";
    return { pairs: new Int16Array(await answer.arrayBuffer()), complete };
  }

  // Constriction degrees [mm] of every frame, for each line that was measured.
  async measures() {
    const bytes = (number) => (this.embedded ? decoded(`measures-${number}`) : this.#bytes(`measures/${number}`));
    const wanted = this.info.measures?.names.map(async (_, number) => new Float32Array(await bytes(number)));
    return Promise.all(wanted ?? []);
  }

  // A first line by anatomy, in mm by its name; none where nothing is found.
  async guess() {
    if (this.embedded) return JSON.parse(document.getElementById("held-guess").textContent);
    for (;;) {
      const answer = await this.#asked("guess");
      if (answer.status !== 202) return answer.json();
      await new Promise((resolve) => setTimeout(resolve, 2 * AGAIN));
    }
  }

  async saveLines(lines) {
    const body = JSON.stringify(lines);
    const headers = { "Content-Type": "application/json" };
    return (await this.#asked("lines", { method: "PUT", body, headers })).json();
  }

  async clip(first, count, low, high) {
    return (await this.#asked(`clip/${first}/${count}?low=${low}&high=${high}`)).blob();
  }

  async #asked(path, options) {
    let answer;
    try {
      answer = await fetch(path, options);
    } catch {
      throw new Error("The program has stopped: run cleartract view again.");
    }
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  }

  #get(path, kind, urgent) {
    const found = this.kept.get(path);
    if (found) {
      this.kept.delete(path);
      this.kept.set(path, found);
      return found;
    }
    if (this.flying.has(path)) return null;
    if (path.startsWith("frame/")) {
      this.flying.add(path);
      this.#load(path, kind);
      return null;
    }
    const place = this.waiting.findIndex((wish) => wish.path === path);
    if (place >= 0 && !urgent) return null;
    if (place >= 0) this.waiting.splice(place, 1);
    if (urgent) this.waiting.push({ path, kind });
    else this.waiting.unshift({ path, kind });
    if (this.waiting.length > MOST_WAITING) this.waiting.shift();
    this.#start();
    return null;
  }

  #start() {
    const singles = [...this.flying].filter((path) => path.startsWith("frame/")).length;
    if (singles && performance.now() < this.heldUntil) return;
    while (this.flying.size - singles < FLIGHTS && this.waiting.length) {
      const { path, kind } = this.waiting.pop();
      this.flying.add(path);
      this.#load(path, kind);
    }
  }

  async #load(path, kind) {
    let pause = 0;
    try {
      const content = this.embedded
        ? await Promise.resolve().then(() => decoded(path.replaceAll("/", "-")))
        : await this.#bytes(path);
      if (content) this.#keep(path, new kind(content));
      else pause = AGAIN;
    } catch (error) {
      this.onproblem(error.message);
      pause = 10 * AGAIN;
    }
    setTimeout(() => {
      this.flying.delete(path);
      this.#start();
      this.onload(path);
    }, pause);
  }

  async #bytes(path) {
    const answer = await this.#asked(path);
    if (answer.status !== 202) {
      this.onproblem("");
      return answer.arrayBuffer();
    }
    const { ready } = await answer.json();
    if (path.startsWith("frames")) {
      const share = Math.floor((100 * ready) / this.info.count);
      this.onproblem(`Reading the recording: ${share} %`);
    }
    return null;
  }

  #keep(path, numbers) {
    this.kept.set(path, numbers);
    this.bytes += numbers.byteLength;
    for (const [oldest, dropped] of this.kept) {
      if (this.bytes <= BUDGET || oldest === path) break;
      this.kept.delete(oldest);
      this.bytes -= dropped.byteLength;
    }
  }
}

function decoded(name) {
  const text = document.getElementById(`held-${name}`).textContent;
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text).buffer;
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}
