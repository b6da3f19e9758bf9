// Moves the sliders of a page in headless Chromium, and prints what it shows as JSON.
// node drive.mjs PLAYWRIGHT_CORE CHROMIUM URL CODES_AS_JSON [SCREENSHOT]
import {pathToFileURL} from "node:url";

const [playwright, executablePath, url, codes, screenshot] = process.argv.slice(2);
const {chromium} = (await import(pathToFileURL(playwright + "/index.js").href)).default;
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
try {
  const page = await browser.newPage(), errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url);
  await page.waitForFunction(
    () => !/^Loading/.test(document.getElementById("status").textContent),
    null, {timeout: 120000},
  );
  const failed = await page.textContent("#status");
  if (failed) throw new Error(failed);
  const found = [], first = await page.evaluate(() => window.shown.z);
  for (const {z, y} of JSON.parse(codes)) {
    // As a hand moves them: each slider tells the page.
    await page.evaluate(([z, y]) => {
      const sliders = document.querySelectorAll("input[type=range]");
      sliders.forEach((one, i) => { one.value = z[i]; });
      const chosen = document.querySelector("select[name=class]");
      if (chosen) chosen.value = y;
      sliders.forEach((one) => one.dispatchEvent(new Event("input", {bubbles: true})));
    }, [z, y]);
    await page.waitForFunction(
      ([z, y]) => z.every((one, i) => Math.abs(one - window.shown.z[i]) < 1e-6) && (window.shown.y ?? y) === y,
      [z, y], {timeout: 60000},
    );
    found.push(await page.evaluate(() => {
      const canvas = document.getElementById("picture");
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return {...window.shown, pixels: Array.from(pixels.data), size: [canvas.height, canvas.width]};
    }));
  }
  const before = await page.evaluate(() => window.shown.z);
  await page.click("#draw");
  await page.waitForFunction((z) => window.shown.z.join() !== z.join(), before, {timeout: 60000});
  const drawn = await page.evaluate(() => window.shown);
  const status = await page.textContent("#status");
  if (screenshot) await page.screenshot({path: screenshot, fullPage: true});
  process.stdout.write(JSON.stringify({found, first, drawn, status, errors}));
} finally {
  await browser.close();
}
