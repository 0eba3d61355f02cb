/* Landmarks drawn on a canvas: points, and the outlines of the face's parts. */

import {span} from "./pixels.js";

const DOT = 1 / 110, LINE = 1 / 200;  // radius of a point and width of a line, by the side of the face
const LEGIBLE = 1 / 900;  // least radius by the longer side of the picture
const EDGE = "rgb(20 20 20)";

/** Draw faces {landmarks} on a canvas in the picture's pixels; `model` is that of site.json. */
export function draw(context, faces, model) {
  const least = LEGIBLE * Math.max(context.canvas.width, context.canvas.height);
  context.lineJoin = "round";
  for (const {landmarks} of faces) {
    const side = span(landmarks);
    const at = landmarks.map(([x, y]) => [x + 0.5, y + 0.5]);
    const width = Math.max(least, LINE * side), radius = Math.max(least, DOT * side);
    for (const [region, points, closed] of model.outlines) {
      const line = new Path2D();
      points.forEach((point, i) => line[i ? "lineTo" : "moveTo"](...at[point]));
      if (closed) line.closePath();
      for (const [colour, wide] of [[EDGE, 2.2 * width], [model.colours[region], width]]) {
        context.strokeStyle = colour;
        context.lineWidth = wide;
        context.stroke(line);
      }
    }
    for (const [region, points] of Object.entries(model.regions)) {
      for (const [colour, size] of [[EDGE, 1.4 * radius], [model.colours[region], radius]]) {
        context.fillStyle = colour;
        for (const point of points) {
          context.beginPath();
          context.arc(...at[point], size, 0, 2 * Math.PI);
          context.fill();
        }
      }
    }
  }
}
