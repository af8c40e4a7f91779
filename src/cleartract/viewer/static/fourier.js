// Spectra of short stretches of sound, as Praat draws them: Gaussian window, 6 dB an octave.

const WINDOW = 0.01; // [s], of which 5 ms count
const EMPHASIS = 0.97;

export class Spectra {
  constructor(rate) {
    this.rate = rate;
    this.length = Math.max(16, Math.round(WINDOW * rate));
    this.size = 2 ** Math.ceil(Math.log2(2 * this.length));
    this.window = Float64Array.from({ length: this.length }, (_, i) => {
      const place = (2 * (i + 0.5)) / this.length - 1;
      return (Math.exp(-12 * place * place) - Math.exp(-12)) / (1 - Math.exp(-12));
    });
    const half = this.size / 2;
    this.cosines = Float64Array.from({ length: half }, (_, i) => Math.cos((2 * Math.PI * i) / this.size));
    this.sines = Float64Array.from({ length: half }, (_, i) => Math.sin((2 * Math.PI * i) / this.size));
    this.real = new Float64Array(this.size);
    this.imaginary = new Float64Array(this.size);
    const bits = Math.log2(this.size);
    this.swapped = Uint16Array.from({ length: this.size }, (_, i) => {
      let turned = 0;
      for (let bit = 0; bit < bits; bit++) turned |= ((i >> bit) & 1) << (bits - 1 - bit);
      return turned;
    });
  }

  // Decibels at evenly spaced frequencies, lowest first; `at(i)` is the sample number i.
  column(at, middle, highest, out) {
    const { real, imaginary, size } = this;
    real.fill(0);
    imaginary.fill(0);
    const first = Math.round(middle) - (this.length >> 1);
    let before = at(first - 1);
    for (let i = 0; i < this.length; i++) {
      const sample = at(first + i);
      real[this.swapped[i]] = (sample - EMPHASIS * before) * this.window[i];
      before = sample;
    }
    this.#transform();
    for (let row = 0; row < out.length; row++) {
      const place = (((row + 0.5) / out.length) * highest * size) / this.rate;
      const bin = Math.floor(place);
      if (bin + 1 >= size / 2) {
        out[row] = -Infinity; // the sound holds no such frequency
        continue;
      }
      const [a, b] = [this.#power(bin), this.#power(bin + 1)];
      out[row] = 10 * Math.log10(a + (place - bin) * (b - a) + 1e-12);
    }
  }

  #power(bin) {
    return this.real[bin] ** 2 + this.imaginary[bin] ** 2;
  }

  #transform() {
    const { real, imaginary, size, cosines, sines } = this;
    for (let half = 1; half < size; half *= 2) {
      const step = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const [c, s] = [cosines[k * step], -sines[k * step]];
          const [a, b] = [start + k, start + k + half];
          const x = real[b] * c - imaginary[b] * s;
          const y = real[b] * s + imaginary[b] * c;
          real[b] = real[a] - x;
          imaginary[b] = imaginary[a] - y;
          real[a] += x;
          imaginary[a] += y;
        }
      }
    }
  }
}
