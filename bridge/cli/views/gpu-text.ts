import prettyBytes from "pretty-bytes";
import type { GpuSummary } from "../../core/gpu/gpu.ts";

/** "NVIDIA H100 (12 of 80 GiB, 97 %, 61 °C, 412 W)", as far as it is reported. */
export function gpuText({ name, memoryBytes, memoryUsedBytes, load, celsius, watts }: GpuSummary): string {
  const size = (bytes: number) => prettyBytes(bytes, { binary: true, maximumFractionDigits: bytes < 10 * 2 ** 30 ? 1 : 0 });
  const used = memoryUsedBytes === undefined ? "" : `${size(memoryUsedBytes)} of `;
  const facts = [
    ...(memoryBytes === undefined ? [] : [`${used}${size(memoryBytes)}`]),
    ...(load === undefined ? [] : [`${Math.round(load * 100)} %`]),
    ...(celsius === undefined ? [] : [`${Math.round(celsius)} °C`]),
    ...(watts === undefined ? [] : [`${Math.round(watts)} W`]),
  ];
  return facts.length === 0 ? name : `${name} (${facts.join(", ")})`;
}

/** Samples x pixels a second, in millions: "0.47 M/s". */
export function speedText(speed: number): string {
  const millions = speed / 1e6;
  return `${millions.toFixed(millions < 1 ? 2 : millions < 10 ? 1 : 0)} M/s`;
}
