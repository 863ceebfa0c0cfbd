// The head from above, nose up: amplitude of the last second between electrodes by inverse distance, bad ones crossed out.
import { VIRIDIS, ink, surface } from "./look.js";

const CELLS = 56;
const REACH = 1.16;

export class Head {
  constructor(facts) {
    this.facts = facts;
    this.canvas = document.getElementById("head-plot");
    this.rows = [];
    this.reasons = facts.channels.map(() => "");
    this.placed = facts.positions.flatMap((place, k) => (place ? [[k, ...place]] : []));
    this.image = document.createElement("canvas");
    this.image.width = CELLS;
    this.image.height = CELLS;
    this.drawnAt = -1;
    if (this.placed.length < 3) document.getElementById("head-about").textContent = "no known positions";
  }

  close() {}

  take(frame) {
    this.rows.push(...frame.eeg.uv);
    const kept = Math.round(this.facts.eeg_hz);
    if (this.rows.length > kept) this.rows.splice(0, this.rows.length - kept);
    if (frame.decisions.length) this.reasons = frame.decisions.at(-1).channels;
  }

  draw(now) {
    if (this.placed.length < 3 || (now - this.drawnAt < 0.2 && now >= this.drawnAt)) return;
    this.drawnAt = now;
    const [context, width, height] = surface(this.canvas);
    const radius = (Math.min(width - 70, height) - 16) / 2 / REACH;
    const [x0, y0] = [(width - 50) / 2, height / 2 + 4];
    const levels = this.levels();
    const good = this.placed.filter(([k]) => !this.reasons[k]);
    const shown = good.map(([k]) => levels[k]);
    const [low, high] = shown.length ? [Math.min(...shown), Math.max(...shown)] : [0, 1];
    context.save();
    context.beginPath();
    context.arc(x0, y0, radius * REACH, 0, 2 * Math.PI);
    context.clip();
    if (good.length > 2 && high > low) {
      this.paint(good, levels, low, high);
      const side = 2 * radius * REACH;
      context.drawImage(this.image, x0 - side / 2, y0 - side / 2, side, side);
    }
    context.restore();
    this.outline(context, x0, y0, radius);
    this.electrodes(context, x0, y0, radius);
    if (shown.length) this.key(context, width, height, low, high);
  }

  levels() {
    const n = Math.max(1, this.rows.length);
    return this.facts.channels.map((_, k) => Math.sqrt(this.rows.reduce((sum, row) => sum + row[k] ** 2, 0) / n));
  }

  paint(good, levels, low, high) {
    const context = this.image.getContext("2d");
    const pixels = context.createImageData(CELLS, CELLS);
    this.weigh(good);
    for (let i = 0; i < CELLS * CELLS; i += 1) {
      let sum = 0;
      for (let j = 0; j < good.length; j += 1) sum += this.weights[i * good.length + j] * levels[good[j][0]];
      const share = Math.max(0, Math.min(255, Math.round((255 * (sum - low)) / (high - low))));
      const [red, green, blue] = VIRIDIS[share];
      pixels.data[4 * i] = red;
      pixels.data[4 * i + 1] = green;
      pixels.data[4 * i + 2] = blue;
      pixels.data[4 * i + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  }

  // How much each good electrode counts in each cell; anew only where other ones are good.
  weigh(good) {
    const key = good.map(([k]) => k).join();
    if (key === this.weighed) return;
    this.weighed = key;
    this.weights = new Float32Array(CELLS * CELLS * good.length);
    for (let i = 0; i < CELLS * CELLS; i += 1) {
      const x = ((i % CELLS) / (CELLS - 1) - 0.5) * 2 * REACH;
      const y = (0.5 - Math.floor(i / CELLS) / (CELLS - 1)) * 2 * REACH;
      const row = good.map(([, ex, ey]) => 1 / ((x - ex) ** 2 + (y - ey) ** 2 + 0.004) ** 1.5);
      const total = row.reduce((a, b) => a + b, 0);
      row.forEach((weight, j) => {
        this.weights[i * good.length + j] = weight / total;
      });
    }
  }

  outline(context, x0, y0, radius) {
    context.strokeStyle = ink("ink");
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(x0, y0, radius, 0, 2 * Math.PI);
    context.moveTo(x0 - 0.12 * radius, y0 - 0.99 * radius);
    context.lineTo(x0, y0 - 1.15 * radius);
    context.lineTo(x0 + 0.12 * radius, y0 - 0.99 * radius);
    context.stroke();
    context.lineWidth = 1;
  }

  electrodes(context, x0, y0, radius) {
    context.textAlign = "center";
    for (const [k, x, y] of this.placed) {
      const [px, py] = [x0 + x * radius, y0 - y * radius];
      context.fillStyle = this.reasons[k] ? ink("card") : "#fff";
      context.strokeStyle = this.reasons[k] ? ink("bad") : "#000";
      context.beginPath();
      context.arc(px, py, this.reasons[k] ? 6 : 2.6, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
      if (!this.reasons[k]) continue;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(px - 3.5, py - 3.5);
      context.lineTo(px + 3.5, py + 3.5);
      context.moveTo(px + 3.5, py - 3.5);
      context.lineTo(px - 3.5, py + 3.5);
      context.stroke();
      context.lineWidth = 1;
    }
    context.textAlign = "left";
  }

  key(context, width, height, low, high) {
    const [top, long] = [height / 2 - 60, 120];
    for (let i = 0; i < long; i += 1) {
      context.fillStyle = `rgb(${VIRIDIS[Math.round((255 * (long - 1 - i)) / (long - 1))].join(" ")})`;
      context.fillRect(width - 52, top + i, 10, 1.5);
    }
    context.fillStyle = ink("soft");
    context.fillText(high.toPrecision(2), width - 38, top + 8);
    context.fillText(low.toPrecision(2), width - 38, top + long);
    context.fillText("µV", width - 38, top + long / 2 + 4);
  }
}
