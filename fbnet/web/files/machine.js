/* Which browser and device this is, as far as the browser tells. */

/* Who names itself how in the user agent. The first that matches counts: most name Chrome and
Safari beside themselves. */
const BROWSERS = [
  ["Samsung Internet", /SamsungBrowser\/([\d.]+)/],
  ["Edge", /Edg(?:A|iOS)?\/([\d.]+)/],
  ["Opera", /OP(?:R|T)\/([\d.]+)/],
  ["Chrome", /CriOS\/([\d.]+)/],
  ["Firefox", /FxiOS\/([\d.]+)/],
  ["Firefox", /Firefox\/([\d.]+)/],
  ["Chrome", /Chrome\/([\d.]+)/],
  ["Safari", /Version\/([\d.]+).*Safari/],
];
const DETAILS = ["model", "platformVersion", "architecture", "bitness", "fullVersionList"];
/* Parts of a user agent that say nothing of the device. */
const NO_DEVICE = /^(X11|Linux|U|Mobile|Tablet|wv|rv:.*|)$/;

/** {browser, device}: their names, with versions and the number of cores. */
export async function machine() {
  const known = navigator.userAgentData;
  const cores = `${navigator.hardwareConcurrency ?? "?"} cores`;
  if (!known) {  // Firefox, Safari, and any browser on a page by plain http
    const {browser, device} = named(navigator.userAgent);
    return {browser, device: `${device}, ${cores}`};
  }
  const {brand, version} = known.brands.find(({brand}) => !/not.?a.?brand|chromium/i.test(brand))
    ?? known.brands.find(({brand}) => /chromium/i.test(brand)) ?? {};
  const more = await known.getHighEntropyValues(DETAILS).catch(() => ({}));
  const full = more.fullVersionList?.find((one) => one.brand === brand)?.version ?? version;
  const processor = [more.architecture, more.bitness].filter(Boolean).join(" ");
  return {
    browser: `${brand ?? "a browser"} ${full ?? ""}`.trim(),
    device: [more.model, known.platform, processor, cores].filter(Boolean).join(", "),
  };
}

/** {browser, device} that a user agent names. */
export function named(agent) {
  const [name, pattern] = BROWSERS.find(([, pattern]) => pattern.test(agent)) ?? [];
  const browser = name ? `${name} ${pattern.exec(agent)[1]}` : "a browser";
  // "Android 10; K" stands for any version and model where a browser tells neither.
  const inside = /\(([^)]*)\)/.exec(agent)?.[1].replace("Android 10; K", "Android") ?? "";
  const [system, model] = inside.split(/; */).filter((part) => !NO_DEVICE.test(part));
  const phone = /^Android/.test(system) && model?.replace(/ Build\/.*/, "");
  return {browser, device: phone ? `${system}; ${phone}` : system ?? "a device"};
}
