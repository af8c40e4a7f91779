// Colour scales, and grey levels within a window.

const HEAT = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
const SIGNED = [[77, 175, 255], [30, 90, 160], [25, 25, 28], [165, 85, 20], [255, 178, 77]];

function scale(stops) {
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1);
    const below = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) {
      const [a, b] = [stops[below][c], stops[below + 1][c]];
      table[3 * i + c] = Math.round(a + (place - below) * (b - a));
    }
  }
  return table;
}

export const heat = scale(HEAT);
export const signed = scale(SIGNED);
export const LINE_COLOURS = ["#4cc2ff", "#ffb24d", "#7ee081", "#ff8fb1", "#d7b3ff", "#f4ef78"];

// Grey (0 to 255) of each number as it is stored, from black `low` to white `high`.
export function grey(numbers, plane, low, high, out) {
  const gain = 255 / (high - low);
  const a = plane.scale * gain;
  const b = (plane.offset - low) * gain + 0.5;
  for (let i = 0; i < numbers.length; i++) {
    const level = a * numbers[i] + b;
    out[i] = level < 0 ? 0 : level > 255 ? 255 : level; // NaN becomes 0
  }
  return out;
}

export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 0.01 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
}
