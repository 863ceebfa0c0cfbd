// The last seconds of EEG, a lane for each channel; a bad one is dashed, in another colour, and says what is wrong with it.
import { ink, shortened, surface } from "./look.js";

const SPAN_S = 8;
const LABEL = 104;
const FOOT = 18;

export class Traces {
  constructor(facts) {
    this.facts = facts;
    this.canvas = document.getElementById("traces-plot");
    this.stretches = [];
    this.reasons = facts.channels.map(() => "");
    this.scale = 20;
    this.told = "";
    document.getElementById("traces-about").textContent = `last ${SPAN_S} s, ${facts.channels.length} channels at ${facts.stream_hz} Hz`;
  }

  close() {}

  take(frame) {
    if (frame.eeg.uv.length) this.stretches.push(frame.eeg);
    if (frame.decisions.length) this.reasons = frame.decisions.at(-1).channels;
    const newest = this.stretches.at(-1)?.at ?? 0;
    while (this.stretches.length && (this.stretches[0].at < newest - SPAN_S - 1 || this.stretches[0].at > newest)) this.stretches.shift();
  }

  draw(now) {
    const [context, width, height] = surface(this.canvas);
    const n = this.facts.channels.length;
    const lane = (height - FOOT) / n;
    this.follow();
    this.grid(context, width, height, now);
    const every = Math.ceil(11 / lane);
    for (let k = 0; k < n; k += 1) {
      const middle = (k + 0.5) * lane;
      this.name(context, k, middle, every);
      this.trace(context, k, middle, lane, width, now);
    }
    this.bar(context, width, height, lane);
    this.say();
  }

  // Microvolts of half a lane: follows the channels that are good, slowly.
  follow() {
    const last = this.stretches.slice(-30).flatMap((one) => one.uv);
    if (last.length < 20) return;
    const levels = this.facts.channels.filter((_, k) => !this.reasons[k]).map((name) => {
      const k = this.facts.channels.indexOf(name);
      return Math.sqrt(last.reduce((sum, row) => sum + row[k] ** 2, 0) / last.length);
    });
    levels.sort((a, b) => a - b);
    const wanted = 2.2 * (levels[Math.floor(levels.length / 2)] || this.scale / 2.2);
    this.scale += 0.1 * (Math.max(wanted, 0.5) - this.scale);
  }

  grid(context, width, height, now) {
    context.strokeStyle = ink("faint");
    context.fillStyle = ink("soft");
    context.textAlign = "center";
    for (let second = Math.ceil(now - SPAN_S); second <= now; second += 1) {
      const x = this.x(second, now, width);
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, height - FOOT);
      context.stroke();
      if (x > LABEL + 60 && x < width - 12) context.fillText(`${second} s`, x, height - 5);
    }
    context.textAlign = "left";
  }

  x(second, now, width) {
    return LABEL + ((second - now + SPAN_S) / SPAN_S) * (width - LABEL);
  }

  name(context, k, middle, every) {
    const reason = this.reasons[k];
    if (k % every && !reason) return;
    context.fillStyle = reason ? ink("bad") : ink("soft");
    const words = reason ? `✕ ${this.facts.channels[k]} ${reason}` : this.facts.channels[k];
    context.fillText(shortened(context, words, LABEL - 6), 0, middle + 4);
  }

  trace(context, k, middle, lane, width, now) {
    const reason = this.reasons[k];
    context.strokeStyle = reason ? ink("bad") : ink("accent");
    context.setLineDash(reason ? [4, 3] : []);
    context.lineWidth = 1;
    context.beginPath();
    let expected = NaN;
    for (const { at, uv } of this.stretches) {
      for (let i = 0; i < uv.length; i += 1) {
        const second = at + i / this.facts.eeg_hz;
        const x = this.x(second, now, width);
        if (x < LABEL) continue;
        const y = middle - (Math.max(-4, Math.min(4, uv[i][k] / this.scale)) * lane) / 2;
        if (Math.abs(second - expected) < 1.5 / this.facts.eeg_hz) context.lineTo(x, y);
        else context.moveTo(x, y);
        expected = second + 1 / this.facts.eeg_hz;
      }
    }
    context.stroke();
    context.setLineDash([]);
  }

  bar(context, width, height, lane) {
    const microvolts = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((value) => value >= this.scale) ?? 1000;
    const long = (microvolts / this.scale) * (lane / 2);
    context.strokeStyle = ink("ink");
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(LABEL - 12, height - FOOT - 2);
    context.lineTo(LABEL - 12, height - FOOT - 2 - long);
    context.stroke();
    context.lineWidth = 1;
    context.fillStyle = ink("ink");
    context.fillText(`${microvolts} µV`, LABEL - 50, height - 5);
  }

  say() {
    const bad = this.facts.channels.flatMap((name, k) => (this.reasons[k] ? [`${name} ${this.reasons[k]}`] : []));
    const words = bad.length ? `✕ ${bad.length} of ${this.facts.channels.length} channels left out: ${bad.join(", ")}` : "✓ every channel usable";
    if (words !== this.told) document.getElementById("quality-words").textContent = words;
    this.told = words;
  }
}
