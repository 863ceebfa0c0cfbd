// Belief over time with the scatter of single windows; what is known of the listener, marks and missing answers beside it.
import { FONT, colour, dash, ink, shape, shortened } from "./look.js";

const SPAN_S = 120;
const FIRST_SPAN_S = 30;
const KEPT = 1200;

export class Attention {
  constructor(facts) {
    this.facts = facts;
    this.place = document.getElementById("attention-plot");
    this.rows = [];
    this.marks = [];
    this.now = 0;
    // Of two candidates one curve says it all: up is the first, down the second.
    this.shown = facts.candidates.length === 2 ? [0] : facts.candidates.map((_, k) => k);
    this.plot = new uPlot(this.options(), this.columns(), this.place);
    this.watch = new ResizeObserver(() => this.plot.setSize(this.size()));
    this.watch.observe(this.place);
    this.legend();
  }

  close() {
    this.watch.disconnect();
    this.plot.destroy();
  }

  size() {
    return { width: Math.max(200, this.place.clientWidth), height: this.place.clientHeight };
  }

  options() {
    const axis = { stroke: ink("soft"), font: FONT, grid: { stroke: ink("faint"), width: 1 }, ticks: { show: false } };
    const series = [{}];
    const bands = [];
    for (const k of this.shown) {
      const fill = `${colour(k)}2e`;
      series.push(
        { stroke: colour(k), width: 2.5, dash: dash(k), points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { paths: () => null, points: { show: true, size: 4, width: 1, stroke: colour(k), fill: ink("card") } },
      );
      bands.push({ series: [series.length - 3, series.length - 2], fill });
    }
    return {
      ...this.size(),
      legend: { show: false },
      cursor: { show: false },
      padding: [10, 10, 0, 0],
      scales: { x: { time: false, range: () => this.span() }, y: { range: [0, 1] } },
      axes: [
        { ...axis, size: 24, incrs: [1, 2, 5, 10, 15, 20, 30, 60], values: (_, splits) => splits.map((s) => `${Math.round(s)} s`) },
        { ...axis, size: 46, splits: () => [0, 0.25, 0.5, 0.75, 1], values: (_, splits) => splits.map((s) => s.toFixed(2)) },
      ],
      series,
      bands,
      hooks: { drawClear: [(u) => this.under(u)], draw: [(u) => this.over(u)] },
    };
  }

  columns() {
    const columns = [this.rows.map((row) => row.at)];
    for (const k of this.shown) {
      const decided = (pick) => this.rows.map((row) => (row.choice < 0 ? null : pick(row)));
      columns.push(decided((row) => row.belief[k]), decided((row) => row.band[k][1]), decided((row) => row.band[k][0]));
      columns.push(decided((row) => row.probability[k]));
    }
    return columns;
  }

  take(frame) {
    this.fresh ||= frame.decisions.length > 0;
    this.rows.push(...frame.decisions);
    this.marks.push(...frame.marks);
    if (this.rows.length > KEPT) this.rows.splice(0, this.rows.length - KEPT);
    if (this.marks.length > KEPT) this.marks.splice(0, this.marks.length - KEPT);
  }

  draw(now) {
    this.now = now;
    if (this.fresh) this.plot.setData(this.columns(), false);
    this.fresh = false;
    const [min, max] = this.span();
    this.plot.setScale("x", { min, max });
  }

  // The last two minutes, or what there is of them.
  span() {
    const there = this.now - (this.rows[0]?.at ?? this.now) + 5;
    return [this.now - Math.min(SPAN_S, Math.max(FIRST_SPAN_S, there)), this.now];
  }

  // Stretches without an answer are hatched; 0.5, where nothing is known, is a line.
  under(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.strokeStyle = ink("line");
    for (const row of this.rows.filter((one) => one.choice < 0)) {
      const from = u.valToPos(row.at - this.facts.hop_s, "x", true);
      const to = u.valToPos(row.at, "x", true);
      for (let x = Math.ceil(from / 6) * 6; x < to; x += 6) {
        ctx.beginPath();
        ctx.moveTo(x, top);
        ctx.lineTo(x, top + height);
        ctx.stroke();
      }
    }
    const middle = u.valToPos(0.5, "y", true);
    ctx.strokeStyle = ink("soft");
    ctx.beginPath();
    ctx.moveTo(left, middle);
    ctx.lineTo(left + width, middle);
    ctx.stroke();
    ctx.restore();
  }

  over(u) {
    const { ctx } = u;
    const scale = window.devicePixelRatio || 1;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top - 12 * scale, width, height + 12 * scale);
    ctx.clip();
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    this.known(u, scale);
    ctx.font = FONT.replace("11px", `${11 * scale}px`);
    for (const mark of this.marks) {
      const x = u.valToPos(mark.at, "x", true);
      if (x < left - 200 * scale) continue;
      ctx.strokeStyle = ink("ink");
      ctx.setLineDash([3 * scale, 3 * scale]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.fillStyle = ink("ink");
      if (!mark.label.startsWith("attend:")) ctx.fillText(shortened(ctx, mark.label, 150 * scale), x + 4 * scale, top + 24 * scale);
    }
    this.sides(u, scale);
    ctx.restore();
  }

  // Who is attended, where the source knows: a ribbon at that candidate's edge.
  known(u, scale) {
    const { ctx } = u;
    const { left, top, height } = u.bbox;
    for (const row of this.rows.filter((one) => one.attended >= 0)) {
      const from = Math.max(left, u.valToPos(row.at - this.facts.hop_s, "x", true));
      const to = u.valToPos(row.at, "x", true);
      if (to <= from) continue;
      ctx.fillStyle = colour(row.attended);
      const y = this.shown.length === 1 && row.attended === 1 ? top + height - 5 * scale : top;
      ctx.fillRect(from, y, to - from + 1, 5 * scale);
    }
  }

  sides(u, scale) {
    if (this.shown.length !== 1) return;
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const names = this.facts.candidates.map((name, k) => shortened(ctx, `${shape(k)} ${name}`, width / 3));
    ctx.font = FONT.replace("11px", `600 ${12 * scale}px`);
    ctx.fillStyle = colour(0);
    ctx.fillText(names[0], left + 8 * scale, top + 20 * scale);
    ctx.fillStyle = colour(1);
    ctx.fillText(names[1], left + 8 * scale, top + height - 12 * scale);
  }

  legend() {
    const place = document.getElementById("attention-legend");
    const line = (inside) => `<svg width="22" height="10" viewBox="0 0 22 10" aria-hidden="true">${inside}</svg>`;
    const one = colour(0);
    const entries = [
      [line(`<path d="M0 5H22" stroke="${one}" stroke-width="2.5"/>`), "smoothed probability"],
      [line(`<circle cx="11" cy="5" r="3" fill="none" stroke="${one}"/>`), `single windows of ${this.facts.window_s} s`],
      [line(`<path d="M0 1H22V9H0Z" fill="${one}" fill-opacity=".25"/>`), "their mean ± 1 SD (log odds)"],
      [line(`<path d="M0 3H22V8H0Z" fill="${one}"/>`), "who is attended, where it is known"],
      [line(`<path d="M2 0V10M8 0V10M14 0V10M20 0V10" stroke="${ink("soft")}"/>`), "no decision"],
    ];
    place.replaceChildren(
      ...entries.map(([picture, words]) => {
        const item = document.createElement("li");
        item.append(new DOMParser().parseFromString(picture.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'), "image/svg+xml").documentElement);
        item.append(words);
        return item;
      }),
    );
  }
}
