// Values along a line across the picture: the mean of three parallel lines, a sample every 0.25 pixels.

const SPACING = 0.25; // [pixels]
const PARALLEL = [-0.75, 0, 0.75]; // [pixels] aside

export class Profile {
  // The line runs from a to b, each [x, y] [pixels] from the middle of the first one.
  constructor(a, b, width, height) {
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const length = Math.hypot(dx, dy) || 1e-9;
    this.samples = Math.max(2, Math.ceil(length / SPACING));
    const taps = this.samples * PARALLEL.length * 4;
    this.places = new Uint32Array(taps);
    this.weights = new Float32Array(taps);
    let tap = 0;
    for (let i = 0; i < this.samples; i++) {
      for (const aside of PARALLEL) {
        const along = i * SPACING;
        const x = inside(a[0] + (along * dx - aside * dy) / length, width);
        const y = inside(a[1] + (along * dy + aside * dx) / length, height);
        const [left, top] = [Math.min(Math.floor(x), width - 2), Math.min(Math.floor(y), height - 2)];
        const [u, v] = [x - left, y - top];
        const corners = [[0, 0, (1 - u) * (1 - v)], [1, 0, u * (1 - v)], [0, 1, (1 - u) * v], [1, 1, u * v]];
        for (const [right, below, weight] of corners) {
          this.places[tap] = (top + below) * width + left + right;
          this.weights[tap++] = weight / PARALLEL.length;
        }
      }
    }
  }

  // Stored numbers along the line, start first.
  of(numbers, out = new Float32Array(this.samples)) {
    const each = PARALLEL.length * 4;
    for (let i = 0, tap = 0; i < this.samples; i++) {
      let sum = 0;
      for (const end = tap + each; tap < end; tap++) sum += this.weights[tap] * numbers[this.places[tap]];
      out[i] = sum;
    }
    return out;
  }
}

function inside(place, size) {
  return Math.min(Math.max(place, 0), size - 1);
}

// A first line where most moves: down the column whose grey levels change most over some frames.
export function movingLine(frames, width, height) {
  const spread = new Float64Array(width * height);
  for (let i = 0; i < spread.length; i++) {
    let [sum, squares] = [0, 0];
    for (const numbers of frames) {
      sum += numbers[i];
      squares += numbers[i] ** 2;
    }
    spread[i] = squares / frames.length - (sum / frames.length) ** 2;
  }
  const [left, right] = [Math.floor(width * 0.2), Math.ceil(width * 0.8)];
  const [top, bottom] = [Math.floor(height * 0.15), Math.ceil(height * 0.85)];
  let [best, most] = [Math.floor(width / 2), -1];
  for (let x = left; x < right; x++) {
    let sum = 0;
    for (let y = top; y < bottom; y++) sum += spread[y * width + x];
    if (sum > most) [best, most] = [x, sum];
  }
  let [total, middle] = [1e-12, 0];
  for (let y = top; y < bottom; y++) {
    total += spread[y * width + best];
    middle += y * spread[y * width + best];
  }
  const centre = most > 0 ? middle / total : height / 2;
  const half = height * 0.2;
  const start = Math.min(Math.max(centre - half, 1), height - 2 - 2 * half);
  return { a: [best, Math.round(start)], b: [best, Math.round(start + 2 * half)] };
}
