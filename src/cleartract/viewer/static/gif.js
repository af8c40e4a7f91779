// Grey pictures one after another as a GIF that repeats for ever.

const CLEAR = 256; // code that forgets all strings
const END = 257;
const MOST = 4096; // codes

// Bytes of a GIF; each picture holds width x height grey levels, and is shown so long [ms].
export class Gif {
  constructor(width, height, delay) {
    Object.assign(this, { width, height, delay: Math.round(delay / 10) });
    this.parts = [];
    const palette = Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
    this.#bytes(..."GIF89a".split("").map((letter) => letter.charCodeAt(0)));
    this.#bytes(...two(width), ...two(height), 0xf7, 0, 0, ...palette);
    this.#bytes(0x21, 0xff, 11, ..."NETSCAPE2.0".split("").map((letter) => letter.charCodeAt(0)), 3, 1, 0, 0, 0);
  }

  #bytes(...bytes) {
    this.parts.push(Uint8Array.from(bytes));
  }

  add(levels) {
    this.#bytes(0x21, 0xf9, 4, 0, ...two(this.delay), 0, 0);
    this.#bytes(0x2c, 0, 0, 0, 0, ...two(this.width), ...two(this.height), 0, 8);
    const packed = compressed(levels);
    for (let at = 0; at < packed.length; at += 255) {
      const block = packed.subarray(at, at + 255);
      this.#bytes(block.length);
      this.parts.push(block);
    }
    this.#bytes(0);
  }

  blob() {
    return new Blob([...this.parts, Uint8Array.of(0x3b)], { type: "image/gif" });
  }
}

function two(number) {
  return [number & 255, number >> 8];
}

// Lempel, Ziv and Welch's codes of 9 to 12 bits, least bit first.
function compressed(levels) {
  const out = new Uint8Array(levels.length * 2 + 16);
  let [length, bits, held, size, next] = [0, 0, 0, 9, END + 1];
  let codes = new Map(); // of a string and the level after it
  const put = (code) => {
    held |= code << bits;
    for (bits += size; bits >= 8; bits -= 8, held >>>= 8) out[length++] = held & 255;
  };
  put(CLEAR);
  let string = levels[0];
  for (let i = 1; i < levels.length; i++) {
    const key = (string << 8) | levels[i];
    const known = codes.get(key);
    if (known !== undefined) {
      string = known;
      continue;
    }
    put(string);
    string = levels[i];
    if (next === MOST) {
      put(CLEAR);
      [codes, size, next] = [new Map(), 9, END + 1];
      continue;
    }
    if (next >= 1 << size) size += 1;
    codes.set(key, next++);
  }
  put(string);
  put(END);
  if (bits) out[length++] = held & 255;
  return out.slice(0, length);
}
