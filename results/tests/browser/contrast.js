// The body of a function: every element with text of its own whose colour does not stand off
// what lies behind it, as WCAG 2.2, 1.4.3 counts it. Text in drawings is not looked at.
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const pen = canvas.getContext("2d", { willReadFrequently: true });

// The canvas knows every notation of colours, and how one shows through another.
function layered(colours) {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, 1, 1);
  for (const colour of colours) {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
  }
  return [...pen.getImageData(0, 0, 1, 1).data];
}

function luminance([red, green, blue]) {
  const linear = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function behind(element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
  return layers;
}

const ownText = (element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("").trim();

const faint = [];
let looked = 0;
for (const element of document.body.querySelectorAll("*")) {
  if (element.closest("svg, script, style") || !ownText(element) || !element.checkVisibility()) continue;
  looked += 1;
  const style = getComputedStyle(element), ground = behind(element);
  const [a, b] = [luminance(layered([...ground, style.color])), luminance(layered(ground))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)}: ${ownText(element).slice(0, 60)}`);
}
return { looked, faint };
