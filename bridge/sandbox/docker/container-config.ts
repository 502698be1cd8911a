import type { ContainerCreateOptions, HostConfig } from "dockerode";

/** What a sandbox may use. */
export interface SandboxLimits {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Size of the scratch folder, which is in memory and counts there, too. */
  readonly scratchBytes: number;
  /** Processes and threads. */
  readonly pids: number;
}

/** A folder of this machine that a sandbox may read. */
export interface ReadableFolder {
  readonly here: string;
  readonly inside: string;
}

/** Devices to pass in, in the engine's format. */
export type ContainerDevices = Pick<HostConfig, "DeviceRequests" | "Devices" | "GroupAdd">;

export interface ContainerSpec {
  /** The image's id, never a tag: exactly the inspected image runs. */
  readonly image: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly folders: readonly ReadableFolder[];
  readonly limits: SandboxLimits;
  readonly devices?: ContainerDevices;
}

/**
 * Paths inside a sandbox; the same for everybody, so that they reveal nothing. The scene is deep: a relative path
 * that leaves it must not end at the root, where all such paths would collide.
 */
export const INSIDE = { scratch: "/tmp", scene: "/scene/0/1/2/3/4/5/6/7/8/9", tools: "/bridge" } as const;

/** A user id that no image and no host uses. */
const NOBODY = "10001:10001";
const NANO = 1e9;
/** CPU weight, default 1024: everything else on this machine comes first. */
const LOW_CPU_SHARES = 128;
const OPEN_FILES = 4_096;
/** Process limit of the user: far above the process limits of all sandboxes. Podman raises an unset limit to the maximum, which a rootless engine may not do. */
const USER_PROCESSES = 4_096;
export const USER_LIMITS = [
  { Name: "nofile", Soft: OPEN_FILES, Hard: OPEN_FILES },
  { Name: "nproc", Soft: USER_PROCESSES, Hard: USER_PROCESSES },
  { Name: "core", Soft: 0, Hard: 0 },
] as const;
/** When the machine runs out of memory, sandboxes are killed first. */
const OOM_SCORE_ADJUSTMENT = 500;

/**
 * The container request for a sandbox. Nothing is granted that rendering does not need: no network, no capability, no
 * new privilege, no writable file but a scratch of fixed size, no shared memory with others, no log on this machine's disk.
 */
export function createOptions(spec: ContainerSpec): ContainerCreateOptions {
  const [entry, ...command] = spec.command;
  return {
    Image: spec.image,
    User: NOBODY,
    WorkingDir: INSIDE.scratch,
    Hostname: "render",
    Entrypoint: entry === undefined ? [] : [entry],
    Cmd: command,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...spec.labels },
    Tty: false,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true, // the end of our stream is the end of its input, so that it notices our end
    NetworkDisabled: true,
    StopSignal: "SIGKILL",
    Healthcheck: { Test: ["NONE"] }, // an image's own health check would run outside our filter
    HostConfig: { ...hostConfig(spec), ...spec.devices },
  };
}

function hostConfig({ limits, folders }: ContainerSpec): HostConfig {
  const { cpus, memoryBytes, scratchBytes, pids } = limits;
  return {
    ...({ CgroupnsMode: "private" } as object), // missing in the type definition
    NetworkMode: "none",
    IpcMode: "none",
    Privileged: false,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges:true"],
    Tmpfs: { [INSIDE.scratch]: `rw,nosuid,nodev,noexec,size=${scratchBytes},mode=1777` },
    Mounts: folders.map(({ here, inside }) => ({
      Type: "bind",
      Source: here,
      Target: inside,
      ReadOnly: true,
      BindOptions: { Propagation: "rprivate" },
    })),
    ...cpuForEngine(cpus),
    ...memoryForEngine(memoryBytes),
    CpuShares: LOW_CPU_SHARES,
    PidsLimit: pids,
    OomScoreAdj: OOM_SCORE_ADJUSTMENT,
    Ulimits: [...USER_LIMITS],
    Init: false,
    AutoRemove: false, // its state is read before it is removed
    RestartPolicy: { Name: "no" },
    LogConfig: { Type: "none", Config: {} }, // its output would fill this machine's disk
  };
}

/** CPU time; may change while it runs. */
export function cpuForEngine(cpus: number) {
  return { NanoCpus: Math.round(cpus * NANO) };
}

/** Memory; may change while it runs. Memory and swap together are no more than the memory: there is no swap. */
export function memoryForEngine(memoryBytes: number) {
  return { Memory: memoryBytes, MemorySwap: memoryBytes };
}

/** The created container as reported by the engine. */
export interface InspectedContainer {
  readonly HostConfig: Partial<HostConfig>;
  /** Its mounts; an image may declare volumes, which are on this machine's disk without a limit. */
  readonly Mounts: readonly { readonly RW: boolean }[];
}

/** Checks the created container against the request: some engines silently ignore unknown settings, and images may add volumes. */
export function isolationViolations({ HostConfig: granted, Mounts }: InspectedContainer): string[] {
  const faults: readonly (readonly [wrong: boolean, what: string])[] = [
    [granted.Privileged !== false, "it is privileged"],
    [granted.ReadonlyRootfs !== true, "its files are writable"],
    [Mounts.some(({ RW }) => RW), "its image declares a volume on this machine's disk"],
    [granted.NetworkMode !== "none", "it has a network"],
    [!granted.Memory, "it has no memory limit"],
    [!granted.PidsLimit || granted.PidsLimit < 0, "it has no process limit"],
    [!granted.NanoCpus && !granted.CpuQuota, "it has no CPU limit"],
  ];
  return faults.flatMap(([wrong, what]) => (wrong ? [what] : []));
}
