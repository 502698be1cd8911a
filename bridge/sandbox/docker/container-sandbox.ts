import { join } from "node:path";
import { text } from "node:stream/consumers";
import Docker from "dockerode";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import { type ContainerDevices, INSIDE, type ReadableFolder, type SandboxLimits } from "./container-config.ts";
import { ContainerProcess } from "./container-process.ts";
import { dockerAbsence } from "./docker-probe.ts";
import { type EngineComponent, engineFaults, type EngineFacts, runtimeAge } from "./engine-requirements.ts";
import { type EnvironmentImage, findEnvironment } from "../images/environment-images.ts";
import { processFingerprint, removeOrphanedContainers, SANDBOX_LABELS } from "../process/orphaned-containers.ts";
import type { ProcessRequest } from "../process/process-sandbox.ts";
import { installTools, TOOLS } from "../sandbox-tools.ts";

/** How long a sandbox lives, whatever happens in it. */
export interface SandboxLifetimeLimits {
  readonly idleSeconds: number;
  readonly deadlineSeconds: number;
  readonly graceSeconds: number;
}

const SUPERVISION: SandboxLifetimeLimits = {
  /** After this silence the bridge or the engine counts as gone. */
  idleSeconds: 30,
  /** A session of one job; longer jobs get a new one. */
  deadlineSeconds: 7 * 24 * 3_600,
  /** Grace time for the program to end by itself when the bridge is gone. */
  graceSeconds: 1,
};
/** The thread counts of Blender, its libraries and drivers grow with its render threads; it needs few processes. */
const PIDS = { least: 256, perCpu: 4 } as const;
/** As a share of memory, in which it is included. */
const SCRATCH_SHARE = 0.5;
/** The only environment variables that are passed in. */
const PASSED_VARIABLES = new Set(["LANG", "PYTHONDONTWRITEBYTECODE"]);
const ENGINE_ANSWERS_MS = 10_000;
/** Space for control messages. */
const TEST_SIZE = { cpus: 1, memoryBytes: 128 * 2 ** 20 } as const;

export interface SandboxOptions {
  /** Name or id of the environment; default: the newest. */
  readonly environment?: string;
  /** Also accepts a runtime with known vulnerabilities. */
  readonly allowOldRuntime?: boolean;
  readonly supervision?: Partial<SandboxLifetimeLimits>;
}

/** Limits of one sandbox. */
export interface SandboxSize {
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** The folders of one session. */
export interface SandboxFolders {
  /** Scripts that the program is started with, on this machine. */
  readonly scripts: string;
  /** The scene's files on this machine, for reading. */
  readonly scene: string;
  /** The session's folder on this machine; inside, it is replaced by one that is removed with the sandbox. */
  readonly scratch: string;
}

/** Runs untrusted programs in containers with the limits of `container-config.ts`. */
export class ContainerSandbox implements AsyncDisposable {
  /** The image of programs that name none; undefined when there is none. */
  readonly environment: EnvironmentImage | undefined;
  /** A warning for the owner of this machine. */
  readonly warnings: readonly string[];
  readonly #engine: Docker;
  readonly #machine: EngineFacts;
  readonly #supervision: SandboxLifetimeLimits;
  readonly #running = new Set<ContainerProcess>();
  #ready: { readonly tools: string; readonly labels: Readonly<Record<string, string>> } | undefined;

  private constructor(
    { engine, machine }: { readonly engine: Docker; readonly machine: EngineFacts },
    environment: EnvironmentImage | undefined,
    supervision: SandboxLifetimeLimits,
    warnings: readonly string[],
  ) {
    this.#engine = engine;
    this.#machine = machine;
    this.#supervision = supervision;
    this.environment = environment;
    this.warnings = warnings;
  }

  /** Finds an engine that is safe for untrusted files, and the environment. Throws SANDBOX_UNAVAILABLE, SANDBOX_UNSAFE, and ENVIRONMENT_MISSING for a named one. */
  static async open(options: SandboxOptions = {}): Promise<ContainerSandbox> {
    const engine = new Docker();
    const { facts, components } = await askEngine();
    const faults = engineFaults(facts);
    if (faults.length > 0) throw new FarmError("SANDBOX_UNSAFE", `the container engine is not safe enough: ${faults.join("; ")}`);
    const { age, version } = runtimeAge(components);
    if (age === "old" && !options.allowOldRuntime) {
      throw new FarmError("SANDBOX_UNSAFE", `the container runtime runc ${version} has known container escapes`, {
        advice: "Install a newer Docker Engine, or use --allow-old-runtime.",
      });
    }
    const unsure = age === "unknown" && version !== "";
    const warnings = unsure ? [`runc ${version} is safe only if this system's distribution has fixed it: keep the system up to date`] : [];
    const environment = await findEnvironment(engine, options.environment).catch((error: unknown) => {
      if (options.environment === undefined && isFarmError(error, "ENVIRONMENT_MISSING")) return undefined;
      throw error;
    });
    const supervision = { ...SUPERVISION, ...options.supervision };
    return new ContainerSandbox({ engine, machine: facts }, environment, supervision, warnings);
  }

  /**
   * Copies our tools to `tools`, an empty folder, removes sandboxes of killed bridges of this node, and tests a sandbox.
   * Throws SANDBOX_UNAVAILABLE, SANDBOX_UNSAFE.
   * @returns how many sandboxes were removed.
   */
  async prepare(options: { readonly node: string; readonly tools: string; readonly scripts: string }): Promise<number> {
    await installTools(options.tools, options.scripts, this.#machine.Architecture ?? "");
    const labels = { [SANDBOX_LABELS.node]: options.node, [SANDBOX_LABELS.maker]: await processFingerprint() };
    this.#ready = { tools: options.tools, labels };
    const orphans = await removeOrphanedContainers(this.#engine, options.node);
    if (this.environment !== undefined) await this.#testSandbox(options);
    return orphans;
  }

  /** A remote engine cannot see our folders, and an image may lack what our supervisor needs: found before work is offered. */
  async #testSandbox({ tools, scripts }: { readonly tools: string; readonly scripts: string }): Promise<void> {
    const script = join(scripts, "donor_main.py");
    const request = { command: "/usr/bin/python3", args: ["-IS", "-c", "import sys; open(sys.argv[1]); print('works')", script] };
    const trial = await this.start(request, { scripts, scene: tools, scratch: tools }, TEST_SIZE);
    const [said, complaint, { reason }] = await Promise.all([text(trial.stdout), text(trial.stderr), trial.exited]);
    if (said === "works\n") return;
    throw reason ?? new FarmError("SANDBOX_UNAVAILABLE", `a test of the sandbox failed: ${lastLine(complaint) || "without a message"}`);
  }

  /** Starts a program of the environment, or of the named image. Paths in its arguments are converted to paths inside. Throws SANDBOX_UNAVAILABLE, SANDBOX_UNSAFE. */
  async start(
    request: ProcessRequest & { readonly image?: string },
    folders: SandboxFolders,
    size: SandboxSize,
    devices?: ContainerDevices,
  ): Promise<ContainerProcess> {
    if (!this.#ready) throw new Error("the sandbox was not prepared");
    const { tools, labels } = this.#ready;
    const image = request.image ?? this.environment?.id;
    if (image === undefined) throw new FarmError("ENVIRONMENT_MISSING", "there is no environment to render in");
    const seen: readonly ReadableFolder[] = [
      { here: folders.scripts, inside: `${INSIDE.tools}/${TOOLS.scripts}` },
      { here: folders.scratch, inside: INSIDE.scratch },
    ];
    const limits = limitsOf(this.#fitting(size));
    const process = await ContainerProcess.start(this.#engine, {
      image,
      command: [
        ...supervised(this.#supervision),
        request.command,
        ...request.args.map((argument) => seenInside(argument, seen) ?? argument),
      ],
      env: environmentInside(request.env ?? {}, seen),
      labels,
      folders: [
        { here: tools, inside: INSIDE.tools },
        { here: folders.scene, inside: INSIDE.scene },
      ],
      limits,
      ...(devices === undefined ? {} : { devices }),
    });
    this.#running.add(process);
    void process.exited.then(() => this.#running.delete(process));
    return process;
  }

  /** Changes the limits of running sandboxes; one that the engine cannot change keeps its own. */
  async resize(size: SandboxSize): Promise<void> {
    const fitting = this.#fitting(size);
    await Promise.allSettled([...this.#running].map((process) => process.resize(fitting)));
  }

  /** The engine may run in a smaller virtual machine, and refuses more cores than that has. */
  #fitting({ cpus, memoryBytes }: SandboxSize): SandboxSize {
    const { NCPU = cpus, MemTotal = memoryBytes } = this.#machine;
    return { cpus: Math.min(cpus, NCPU), memoryBytes: Math.min(memoryBytes, MemTotal) };
  }

  /** Ends all running sandboxes. */
  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#running];
    for (const process of running) process.kill();
    await Promise.all(running.map(({ exited }) => exited));
  }
}

function lastLine(said: string): string {
  return (said.trim().split("\n").at(-1) ?? "").replaceAll(/\p{C}/gu, "?").slice(0, 300);
}

async function askEngine(): Promise<{ readonly facts: EngineFacts; readonly components: readonly EngineComponent[] }> {
  try {
    const engine = new Docker({ timeout: ENGINE_ANSWERS_MS });
    const [facts, version] = await Promise.all([engine.info() as Promise<EngineFacts>, engine.version()]);
    return { facts, components: version.Components ?? [] };
  } catch (cause) {
    const { reason } = dockerAbsence(cause as NodeJS.ErrnoException);
    throw new FarmError("SANDBOX_UNAVAILABLE", `there is no container engine to work with: ${reason || messageOf(cause)}`, { cause });
  }
}

function limitsOf({ cpus, memoryBytes }: SandboxSize): SandboxLimits {
  const scratchBytes = Math.floor(memoryBytes * SCRATCH_SHARE);
  return { cpus, memoryBytes, scratchBytes, pids: PIDS.least + Math.ceil(cpus) * PIDS.perCpu };
}

function supervised(supervision: SandboxLifetimeLimits): string[] {
  const options = { ...supervision, scratch: INSIDE.scratch, seccomp: `${INSIDE.tools}/${TOOLS.filter}` };
  return ["/usr/bin/python3", "-IS", `${INSIDE.tools}/${TOOLS.supervisor}`, JSON.stringify(options)];
}

/** The path inside for a path of this machine; undefined when it is not mounted. */
function seenInside(path: string, seen: readonly ReadableFolder[]): string | undefined {
  for (const { here, inside } of seen) {
    if (path === here) return inside;
    if (path.startsWith(here) && /[/\\]/.test(path.charAt(here.length))) return inside + path.slice(here.length).replaceAll("\\", "/");
  }
  return undefined;
}

/** Passes only environment variables that name a mounted folder. */
function environmentInside(env: Readonly<Record<string, string>>, seen: readonly ReadableFolder[]): Record<string, string> {
  const kept = Object.entries(env).flatMap(([name, value]) => {
    const inside = PASSED_VARIABLES.has(name) ? value : seenInside(value, seen);
    return inside === undefined ? [] : [[name, inside] as const];
  });
  return Object.fromEntries(kept);
}
