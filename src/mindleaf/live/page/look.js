// What the drawings share: colours of candidates (Okabe and Ito 2008) with a shape and a dash each, so that colour never speaks alone.
export const SHAPES = ["●", "■", "▲", "◆", "▼", "✚"];
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [1, 2]];

const style = getComputedStyle(document.documentElement);
export const ink = (name) => style.getPropertyValue(`--${name}`).trim();
export const colour = (number) => ink(`c${number % SHAPES.length}`);
export const shape = (number) => SHAPES[number % SHAPES.length];
export const dash = (number) => DASHES[number % DASHES.length];
export const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

// A canvas in CSS pixels, sharp on any screen; [context, width, height].
export function surface(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  return [context, width, height];
}

// Text that does not run out of its place.
export function shortened(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let n = text.length;
  while (n > 1 && context.measureText(`${text.slice(0, n)}…`).width > width) n -= 1;
  return `${text.slice(0, n)}…`;
}

// Viridis (van der Walt and Smith), nine stops: light and dark tell the same as the hue.
const STOPS = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [109, 205, 89], [253, 231, 37]];
export const VIRIDIS = Array.from({ length: 256 }, (_, k) => {
  const place = (k / 255) * (STOPS.length - 1);
  const low = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[low].map((value, c) => Math.round(value + (place - low) * (STOPS[low + 1][c] - value)));
});
