// The candidates' sounds: mel bands from low to high where there is a waveform, else the envelope. The one that is decided for is framed.
import { VIRIDIS, colour, ink, shape, shortened, surface } from "./look.js";

const SPAN_S = 8;
const FOOT = 16;

export class Sound {
  constructor(facts) {
    this.facts = facts;
    this.canvas = document.getElementById("sound-plot");
    this.columns = Math.round(SPAN_S * facts.sound_hz);
    this.frames = [];
    this.choice = -1;
    this.image = document.createElement("canvas");
    this.image.width = this.columns;
    this.image.height = facts.sound_bands;
    const words = facts.sound_bands > 1 ? `last ${SPAN_S} s, mel bands` : `last ${SPAN_S} s, envelope`;
    document.getElementById("sound-about").textContent = words;
  }

  close() {}

  take(frame) {
    frame.sound.levels.forEach((levels, k) => this.frames.push({ at: frame.sound.at + k / this.facts.sound_hz, levels }));
    if (this.frames.length > this.columns + 25) this.frames.splice(0, this.frames.length - this.columns - 25);
    if (frame.decisions.length) this.choice = frame.decisions.at(-1).choice;
  }

  draw(now) {
    const [context, width, height] = surface(this.canvas);
    const n = this.facts.candidates.length;
    const lane = (height - FOOT) / n;
    for (let c = 0; c < n; c += 1) {
      const top = c * lane;
      const inner = lane - 22;
      this.label(context, c, top, width);
      if (this.facts.sound_bands > 1) this.bands(context, c, top + 16, width, inner, now);
      else this.envelope(context, c, top + 16, width, inner, now);
      context.strokeStyle = c === this.choice ? colour(c) : ink("line");
      context.lineWidth = c === this.choice ? 2.5 : 1;
      context.strokeRect(1, top + 16, width - 2, inner);
    }
    context.lineWidth = 1;
    context.fillStyle = ink("soft");
    context.fillText(`−${SPAN_S} s`, 2, height - 4);
    context.textAlign = "right";
    context.fillText("now", width - 2, height - 4);
    context.textAlign = "left";
  }

  label(context, c, top, width) {
    context.fillStyle = colour(c);
    const chosen = c === this.choice ? "  decoded" : "";
    context.fillText(shortened(context, `${shape(c)} ${this.facts.candidates[c]}${chosen}`, width - 4), 1, top + 12);
  }

  column(at, now) {
    return Math.round((at - now + SPAN_S) * this.facts.sound_hz);
  }

  bands(context, c, top, width, height, now) {
    const picture = this.image.getContext("2d");
    const pixels = picture.createImageData(this.columns, this.facts.sound_bands);
    for (const { at, levels } of this.frames) {
      const x = this.column(at, now);
      if (x < 0 || x >= this.columns) continue;
      for (let b = 0; b < this.facts.sound_bands; b += 1) {
        const place = 4 * ((this.facts.sound_bands - 1 - b) * this.columns + x);
        const [red, green, blue] = VIRIDIS[levels[c][b]];
        pixels.data[place] = red;
        pixels.data[place + 1] = green;
        pixels.data[place + 2] = blue;
        pixels.data[place + 3] = 255;
      }
    }
    picture.putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.image, 1, top, width - 2, height);
  }

  envelope(context, c, top, width, height, now) {
    context.fillStyle = colour(c);
    for (const { at, levels } of this.frames) {
      const x = this.column(at, now);
      if (x < 0) continue;
      const high = (levels[c][0] / 255) * (height - 2);
      context.fillRect((x / this.columns) * width, top + height - 1 - high, width / this.columns + 0.5, high);
    }
  }
}
