import { DeviceBenchmarkSession } from "../../../blender/render/benchmark.ts";
import type { StartProcess } from "../../../blender/types.ts";
import type { DeviceClass } from "../../../core/plan/chunk.ts";
import { BACKEND_NAMES, gpuClass, type GpuSelection, unusableGpusMessage, gpuUsesOf } from "../../../core/gpu/cycles-devices.ts";
import { type Gpu, gpuSummary } from "../../../core/gpu/gpu.ts";
import { donatedSlots, type GpuSlot } from "../../../core/gpu/gpu-slots.ts";
import type { SlotSize, Terms } from "../../../core/terms/terms.ts";
import type { DonorCapacity } from "../../../donor/ports.ts";
import { isAbort } from "../../../kernel/abort.ts";
import { FarmError, messageOf } from "../../../kernel/errors.ts";
import type { ChosenBlender, SlotDevices } from "../../job/blender-slots.ts";
import type { BenchmarkCache, BenchmarkKey } from "./benchmark-cache.ts";

export interface DonorDevicesDeps {
  /** Undefined if work runs only in environments that jobs name. */
  readonly blender: ChosenBlender | undefined;
  readonly speeds: BenchmarkCache;
  /** Those of this machine, whether they are given or not. */
  readonly gpus: readonly Gpu[];
  /** A folder for a Blender that only measures, and how it is started where it reaches these GPUs and may use so much. */
  readonly probePlace: (gpus: readonly Gpu[], size: SlotSize) => Promise<{ readonly scratch: string; readonly start: StartProcess }>;
  readonly cores: number;
  readonly note: (message: string) => void;
}

const NO_GPU = {
  none: "no GPU was found on this machine: it renders on the CPU",
  untried: "GPUs are tested in an environment, and there is none on this machine: `bridge env build` makes one",
} as const;

/** What of an owner's terms decides about devices. */
type DeviceTerms = Pick<Terms, "gpus" | "slots" | "cores">;

/** GPUs that were tried. */
interface Ready {
  readonly use: GpuSelection;
  readonly deviceClass: DeviceClass;
  readonly speed: number;
}

/** What one slot renders on. */
type SlotDevice = GpuSlot & Ready;

/** What a donor renders on: tries the GPUs that its owner gives, measures, and falls back with a message. It is told which terms hold, and asks nobody. */
export class DonorDevices implements SlotDevices {
  readonly #deps: DonorDevicesDeps;
  #terms: DeviceTerms;
  #size: SlotSize;
  #slots: readonly (SlotDevice | undefined)[] = [];
  /** Slots whose last Blender did not get its GPU. */
  readonly #fallBack = new Set<number>();
  #note: string | undefined;
  #onCpu: { readonly speed: number; readonly threads: number } | undefined;
  #prepared: string | undefined;

  constructor(deps: DonorDevicesDeps, terms: DeviceTerms, size: SlotSize) {
    this.#deps = deps;
    this.#terms = terms;
    this.#size = size;
  }

  /** These terms hold from now on; slots render on what they give once it was tried, by `prepare`. */
  follow(terms: DeviceTerms, size: SlotSize): void {
    this.#terms = terms;
    this.#size = size;
  }

  /** Tries and measures what the terms give, unless that was done. Throws only when aborted. @returns whether slots render on something else now. */
  async prepare(signal: AbortSignal): Promise<boolean> {
    const { blender, gpus: here, cores } = this.#deps;
    const plan = blender === undefined ? [] : donatedSlots(here, this.#terms, { cores });
    const wantsGpus = this.#terms.gpus !== "none";
    const wanted = JSON.stringify([wantsGpus, ...plan.map(({ gpus }) => keyOf(gpus))]);
    if (wanted === this.#prepared) return false;
    this.#note = undefined;
    if (plan.length === 0 && wantsGpus) this.#tell(NO_GPU[blender === undefined ? "untried" : "none"]);
    const ready = new Map<string, Ready | undefined>();
    for (const { gpus } of plan) if (!ready.has(keyOf(gpus))) ready.set(keyOf(gpus), await this.#tryGpus(gpus, signal));
    const slots = plan.map((slot) => {
      const found = ready.get(keyOf(slot.gpus));
      return found && { ...slot, ...found };
    });
    this.#slots = slots;
    this.#readCachedCpuSpeed();
    this.#fallBack.clear();
    this.#prepared = wanted;
    return true;
  }

  /** True while slots render on the CPU and its speed is unknown. */
  get wantsMeasure(): boolean {
    const onCpu = this.#slots.length === 0 || this.#slots.some((slot) => slot === undefined);
    return this.#deps.blender !== undefined && this.#prepared !== undefined && onCpu && this.#onCpu === undefined;
  }

  /** Benchmarks the CPU. Best done on an idle machine: otherwise it may take long, and be wrong. */
  async measureCpu(signal: AbortSignal): Promise<void> {
    const { threads } = this.#size;
    const speed = await this.#probing([], signal, async (probe) => await probe.measure(signal));
    this.#onCpu = { speed, threads };
    await this.#deps.speeds.learn(this.#cpuMeasured(threads), speed);
  }

  gpusOf(slot: number): readonly Gpu[] {
    return this.#deviceOf(slot)?.gpus ?? [];
  }

  useOf(slot: number): GpuSelection | undefined {
    return this.#deviceOf(slot)?.use;
  }

  opened(slot: number, fellBack: string | undefined): DeviceClass | undefined {
    const device = this.#deviceOf(slot);
    if (!device || fellBack !== undefined) {
      if (fellBack !== undefined && !this.#fallBack.has(slot)) this.#fall(slot, fellBack);
      return this.#deps.blender?.deviceClass;
    }
    this.#fallBack.delete(slot);
    if (this.#fallBack.size === 0 && this.#slots.every((each) => each !== undefined)) this.#note = undefined;
    return device.deviceClass;
  }

  /** The devices for the offer; `seen`: the current state of the GPUs. */
  power(seen: readonly Gpu[]): DonorCapacity {
    const slots = this.#slots.map((slot, number) => (this.#fallBack.has(number) ? undefined : slot));
    const used = slots.filter((slot) => slot !== undefined);
    const ids = new Set(used.flatMap(({ gpus }) => gpus.map(({ id }) => id)));
    const memory = used.flatMap(({ memoryBytes }) => (memoryBytes === undefined ? [] : [memoryBytes]));
    return {
      builds: unique([...used.map(({ deviceClass }) => deviceClass), ...(used.length < Math.max(1, slots.length) ? this.#cpuClasses : [])]),
      gpus: this.#deps.gpus.filter(({ id }) => ids.has(id)).map((gpu) => gpuSummary(seen.find(({ id }) => id === gpu.id) ?? gpu)),
      gpuNote: this.#note,
      speed: mean(slots.length === 0 ? [this.#cpuSpeed()] : slots.map((slot) => (slot ? slot.speed / slot.sharedBy : this.#cpuSpeed()))),
      gpuMemoryBytes: memory.length === 0 ? undefined : Math.min(...memory),
    };
  }

  /** A slot beyond the planned ones shares the devices of the first ones. */
  #deviceOf(slot: number): SlotDevice | undefined {
    return this.#slots.length === 0 ? undefined : this.#slots[slot % this.#slots.length];
  }

  get #cpuClasses(): readonly DeviceClass[] {
    return this.#deps.blender === undefined ? [] : [this.#deps.blender.deviceClass];
  }

  get #own(): ChosenBlender {
    const { blender } = this.#deps;
    if (!blender) throw new FarmError("BLENDER_NOT_FOUND", "there is no Blender on this machine to test devices with");
    return blender;
  }

  /** Speed is assumed to be proportional to the number of threads. */
  #cpuSpeed(): number | undefined {
    return this.#onCpu && (this.#onCpu.speed * this.#size.threads) / this.#onCpu.threads;
  }

  #fall(slot: number, reason: string): void {
    this.#fallBack.add(slot);
    const names = this.gpusOf(slot).map(({ name }) => name);
    this.#tell(`${names.join(", ")} can no longer be used (${reason}): slot ${slot + 1} renders on the CPU`);
  }

  /** A message for the owner and the offer. */
  #tell(message: string): void {
    this.#note = message;
    this.#deps.note(message);
  }

  /** The best backend that works on these GPUs; undefined, after a message, when none does. */
  async #tryGpus(gpus: readonly Gpu[], signal: AbortSignal): Promise<Ready | undefined> {
    const names = gpus.map(({ name }) => name).join(", ");
    try {
      const devices = await this.#probing(gpus, signal, async (probe) => await probe.devices(signal));
      const uses = gpuUsesOf(gpus, devices);
      if (uses.length === 0) this.#tell(unusableGpusMessage(gpus, devices));
      for (const [place, use] of uses.entries()) {
        const deviceClass = gpuClass(this.#own.deviceClass, gpus, use.backend);
        const next = uses[place + 1];
        try {
          return { use, deviceClass, speed: await this.#speedOn(gpus, { use, deviceClass }, signal) };
        } catch (error) {
          if (isAbort(error) || signal.aborted) throw error;
          const instead = next === undefined ? "it renders on the CPU" : `${BACKEND_NAMES[next.backend]} is tried`;
          this.#tell(`${BACKEND_NAMES[use.backend]} does not work on ${names} (${messageOf(error)}): ${instead}`);
        }
      }
    } catch (error) {
      if (isAbort(error) || signal.aborted) throw error;
      this.#tell(`${names} cannot be reached (${messageOf(error)}): it renders on the CPU`);
    }
    return undefined;
  }

  async #speedOn(gpus: readonly Gpu[], { use, deviceClass }: Omit<Ready, "speed">, signal: AbortSignal): Promise<number> {
    const measured = { deviceClass, on: use.deviceIds };
    const known = this.#deps.speeds.of(measured);
    if (known !== undefined) return known;
    return await this.#probing(gpus, signal, async (probe) => {
      await probe.use(use, signal);
      const speed = await probe.measure(signal);
      await this.#deps.speeds.learn(measured, speed);
      return speed;
    });
  }

  #readCachedCpuSpeed(): void {
    if (this.#deps.blender === undefined) return;
    const { threads } = this.#size;
    const speed = this.#deps.speeds.of(this.#cpuMeasured(threads));
    if (speed !== undefined) this.#onCpu = { speed, threads };
  }

  #cpuMeasured(threads: number): BenchmarkKey {
    return { deviceClass: this.#own.deviceClass, on: [`${threads} threads`] };
  }

  async #probing<T>(gpus: readonly Gpu[], signal: AbortSignal, ask: (probe: DeviceBenchmarkSession) => Promise<T>): Promise<T> {
    const { scratch, start } = await this.#deps.probePlace(gpus, this.#size);
    const { threads } = this.#size;
    await using probe = await DeviceBenchmarkSession.open({ start }, { blender: this.#own.build, scratch, threads }, signal);
    return await ask(probe);
  }
}

function keyOf(gpus: readonly Gpu[]): string {
  return gpus.map(({ id }) => id).join();
}

function unique(classes: readonly DeviceClass[]): readonly DeviceClass[] {
  return [...new Map(classes.map((each) => [JSON.stringify(each), each])).values()];
}

function mean(speeds: readonly (number | undefined)[]): number | undefined {
  const known = speeds.filter((speed) => speed !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, speed) => sum + speed, 0) / known.length;
}
