/** One bar: how long a way of rendering took, and its ratio to one Blender. */
export interface Bar {
  readonly group: string;
  readonly name: string;
  readonly seconds: number;
  readonly speedUp: number;
}

const ROW = 26;
const LEFT = 270;
const WIDTH = 860;

/** A horizontal bar chart, groups apart, as SVG; each group has its own scale. */
export function plotBars(bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(({ group }) => group))];
  let y = 20;
  const parts: string[] = [];
  for (const group of groups) {
    const rows = bars.filter((bar) => bar.group === group);
    const longest = Math.max(...rows.map(({ seconds }) => seconds));
    parts.push(`<text x="16" y="${y + 14}" font-weight="600">${escape(group)}</text>`);
    y += ROW;
    for (const { name, seconds, speedUp } of rows) {
      const width = Math.max(2, (seconds / longest) * (WIDTH - LEFT - 150));
      const colour = name.startsWith("bridge") ? "#e87d0d" : "#8a94a0";
      parts.push(
        `<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end" fill="#444">${escape(name)}</text>`,
        `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW - 9}" rx="3" fill="${colour}"/>`,
        `<text x="${LEFT + width + 8}" y="${y + 14}">${seconds.toFixed(1)} s  (${speedUp.toFixed(2)}x)</text>`,
      );
      y += ROW;
    }
    y += 12;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="system-ui, sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>\n${parts.join("\n")}\n</svg>\n`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
